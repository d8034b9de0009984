// A folder, hosts over it, and the promise that no process started through them outlives the test.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { familyOf } from '../../src/control/leftovers.ts'
import { identify, signalProcess } from '../../src/control/processes.ts'
import { openRandom } from '../../src/foundation/random.ts'
import { ms, openClock, sleep } from '../../src/foundation/time.ts'
import { openProcessHost } from '../../src/services/engines/process/host.ts'
import { guardPaths, readRecord } from '../../src/services/guard/record.ts'
import type { HostListener, ReplicaHost } from '../../src/services/host.ts'
import type { RunTemplate } from '../../src/services/model.ts'
import type { Behaviour, HostBed, ToldEvent } from '../conformance/replica-host.ts'
import { quickRestart } from '../conformance/replica-host.ts'

const patience = ms(60_000)

/** Node programs, each a file of its own in the folder of the test. */
const programs: Readonly<Record<string, string>> = {
  serve: `require('node:http').createServer((_, r) => r.end('ok')).listen(process.env.PORT)`,
  exit: `process.exit(3)`,
  defy: `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`,
}

/** The bed of real processes. */
export interface ProcessBed extends HostBed {
  /** The state folder. */
  readonly folder: string
  /** The mark by which everything that a test starts is found again. */
  readonly environment: Readonly<Record<string, string>>
  /** Writes a node program and says how it is run. */
  program(name: string, code: string, differs?: Partial<RunTemplate>): RunTemplate
  guardPid(id: string): number
  /** Undoes something once every process has ended. */
  afterwards(undo: () => void): void
  log(id: string): string
}

/** Makes the bed. Everything it ever started bears `mark` in its environment. */
export async function openProcessBed(): Promise<ProcessBed> {
  const root = mkdtempSync(join(tmpdir(), 'aob-'))
  const folder = join(root, 'state')
  const environment = { ALWAYSON_TEST_BED: root }
  const mark = `ALWAYSON_TEST_BED=${root}`
  const hosts: ReplicaHost[] = []
  const undos: (() => void)[] = []
  const events: ToldEvent[] = []
  let changes = 0
  const clock = openClock()
  const listener: HostListener = {
    changed: () => {
      changes += 1
    },
    event: (rule, subject, why, seen) => void events.push({ rule, subject, why, seen }),
  }
  const until = async (what: string, holds: () => boolean): Promise<void> => {
    const deadline = clock.now() + patience
    while (!holds()) {
      if (clock.now() > deadline) throw new Error(`not within ${patience} ms: ${what}`)
      await sleep(clock, ms(5))
    }
  }
  const program = (name: string, code: string, differs: Partial<RunTemplate> = {}): RunTemplate => {
    const path = join(root, `${name}.cjs`)
    writeFileSync(path, code)
    return {
      argv: [process.execPath, path],
      cwd: root,
      env: {},
      secrets: [],
      stopSignal: 'SIGTERM',
      stopWithin: patience,
      restart: quickRestart,
      logs: { size: 1_000_000, keep: 3 },
      ...differs,
    }
  }
  const guardPid = (id: string): number => readRecord(guardPaths(folder, id).record).guard.pid
  return {
    folder,
    environment,
    events,
    changes: () => changes,
    until,
    program,
    guardPid,
    afterwards: (undo) => void undos.push(undo),
    log: (id) => readFileSync(guardPaths(folder, id).log, 'utf8'),
    async open() {
      const random = openRandom()
      const inherited = { ...process.env, ...environment }
      const options = { folder, clock, random, listener, version: 'test', environment: inherited }
      const host = await openProcessHost(options)
      hosts.push(host)
      return host
    },
    template: (does, differs) => templateOf(does, program, differs),
    isAlive: (pid) => identify(pid) !== undefined,
    crash: (pid) => process.kill(pid, 'SIGKILL'),
    killGuard: (id) => process.kill(guardPid(id), 'SIGKILL'),
    async [Symbol.asyncDispose]() {
      for (const host of hosts) host.leave()
      const left = (): readonly { pid: number; startTicks: number }[] => [
        ...guardsOf(folder),
        ...familyOf({ leader: undefined, mark }),
      ]
      // Guards first: none may start a replica anew.
      while (left().length > 0) {
        for (const one of left()) signalProcess(one, 'SIGKILL')
        await sleep(clock, ms(5))
      }
      for (const undo of undos) undo()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

function templateOf(
  does: Behaviour,
  program: ProcessBed['program'],
  differs: Partial<RunTemplate> = {},
): RunTemplate {
  if (does === 'missing') return program('none', '', { argv: ['no-such-program'], ...differs })
  return program(does, programs[does] ?? '', differs)
}

/** The guards of a state folder are known by their command line. */
function guardsOf(folder: string): readonly { pid: number; startTicks: number }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => commandOf(pid).includes(folder))
    .flatMap((pid) => identify(Number(pid)) ?? [])
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
