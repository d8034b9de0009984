// What one server of an ensemble is started with: its files, written anew for every start, and the
// template that a guard runs.

import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import type { MachineKeys } from '../../../control/doors/keys.ts'
import { writeWhole } from '../../../control/whole-file.ts'
import { Fault, systemCode } from '../../../foundation/fault.ts'
import { ms } from '../../../foundation/time.ts'
import type { RunTemplate } from '../../../services/model.ts'
import type { Machine, ManagedPlan } from '../../model.ts'
import { commandOf, findInstalled } from './install.ts'
import { numbersOf, zooCfg } from './zoo-cfg.ts'

/** One server on this machine. */
export interface Server {
  /** Names its settings: another number means that it has to be restarted. */
  readonly revision: number
  readonly template: RunTemplate
  /** Writes what it reads when it starts. Throws a Fault where that cannot be done. */
  write(): void
  /** Bytes that are free where its data are. */
  room(): number
}

/** What it is made of. */
export interface ServerOptions {
  readonly plan: ManagedPlan
  readonly machine: Machine
  readonly keys: MachineKeys
  /** The private folder of its settings, and of its data unless the plan has another. */
  readonly folder: string
  readonly env: Readonly<Record<string, string | undefined>>
}

const mebibyte = 1024 * 1024

/** Lays out the server of this machine. Throws a Fault if there is nothing to start. */
export function layOut({ plan, machine, keys, folder, env }: ServerOptions): Server {
  const files = {
    data: plan.data ?? join(folder, 'data'),
    identity: join(folder, 'identity.pem'),
    authority: join(folder, 'authority.pem'),
  }
  const config = join(folder, 'zoo.cfg')
  const argv = commandOf(findInstalled(plan.home, env), plan.heapBytes, config)
  const number = numbersOf(plan.members).get(machine.name) ?? 0
  const texts: readonly (readonly [path: string, text: string])[] = [
    [config, zooCfg(plan, machine, files)],
    [files.identity, `${keys.key}${keys.cert}`],
    [files.authority, keys.ca],
  ]
  const hash = createHash('sha256')
    .update(JSON.stringify([argv, texts, number]))
    .digest()
  return {
    // Revisions are counted from one elsewhere; here any number that fits will do.
    revision: (hash.readUInt32BE() & 0x7fffffff) + 1,
    template: {
      argv,
      cwd: '/',
      env: {},
      secrets: [],
      stopSignal: 'SIGTERM',
      stopWithin: ms(3000),
      restart: {
        backoff: { first: ms(100), factor: 2, most: ms(5000), jitter: 0.2 },
        wellAfter: ms(10_000),
        loopAfter: 5,
      },
      logs: { size: 10 * mebibyte, keep: 5 },
    },
    write() {
      try {
        for (const path of [folder, files.data]) mkdirSync(path, { recursive: true, mode: 0o700 })
        for (const [path, text] of texts) writeWhole(path, text)
        writeNumber(join(files.data, 'myid'), number)
      } catch (cause) {
        if (cause instanceof Fault) throw cause
        throw new Fault('failed', `cannot write the settings of ZooKeeper in ${folder}`, { cause })
      }
    },
    room: () => roomAt(files.data, folder),
  }
}

/** Data that were written under one number are never used under another: it would vote twice. */
function writeNumber(path: string, number: number): void {
  try {
    const known = readFileSync(path, 'utf8').trim()
    if (known === String(number)) return
    throw new Fault('refused', `${path} says ${known}, and this machine’s server is ${number}`, {
      remedy: 'these are the data of another server: name another folder with `data`',
    })
  } catch (thrown) {
    if (systemCode(thrown) !== 'ENOENT') throw thrown
  }
  writeWhole(path, `${number}\n`)
}

/** Bytes that are free for us where `path` is, or will be. */
function roomAt(path: string, otherwise: string): number {
  for (const place of [path, otherwise]) {
    try {
      const { bavail, bsize } = statfsSync(place)
      return bavail * bsize
    } catch (thrown) {
      // A disk that cannot even say has no room for anybody.
      if (systemCode(thrown) !== 'ENOENT') return 0
    }
  }
  // Neither is there yet: making them will say what is wrong.
  return Number.POSITIVE_INFINITY
}
