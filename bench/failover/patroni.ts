// Patroni with three members of PostgreSQL 15, etcd, and HAProxy in front, as its documentation and
// Debian's package have them, as processes of this machine; and a client that writes.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { descendantsOf } from '../../src/control/processes.ts'
import { ownerOf } from '../../src/databases/engines/mysql-kin/processes.ts'
import { checkAcknowledged } from '../../src/drills/checkers/acknowledged.ts'
import { describeAcknowledged } from '../../src/drills/checkers/describe.ts'
import { until } from '../../test/engines/waiting.ts'
import { cleansUp, isClean } from '../lib/cleanup.ts'
import { restingPorts } from '../lib/ports.ts'
import { insertsOf, noticed, readText } from './history.ts'
import { endThoseOf } from './leftovers.ts'
import type { PatroniFault } from './patroni-faults.ts'
import { haproxyText, type Ports, patroniText } from './patroni-files.ts'
import { Place } from './place.ts'
import { sessionOf, type Target } from './session.ts'

/** `tuned` is the least that its documentation recommends. */
export type Tuning = 'default' | 'tuned'

const members = ['pg1', 'pg2', 'pg3'] as const
const run = promisify(execFile)
const now = (): number => performance.timeOrigin + performance.now()

/** Opens it, and waits until its client is answered and all members follow. */
export async function openPatroni(tuning: Tuning): Promise<PatroniBed> {
  const bed = cleansUp(new PatroniBed(tuning))
  try {
    await bed.open()
    return bed
  } catch (thrown) {
    await bed[Symbol.asyncDispose]()
    throw thrown
  }
}

export class PatroniBed implements AsyncDisposable {
  readonly names: readonly string[] = members
  readonly #tuning: Tuning
  readonly #root: string
  readonly #agents = new Map<string, ChildProcess>()
  readonly #others: ChildProcess[] = []
  #ports: Ports | undefined
  #etcd: ChildProcess | undefined
  #place: Place | undefined
  #target: Target | undefined

  constructor(tuning: Tuning) {
    this.#tuning = tuning
    this.#root = mkdtempSync(join(tmpdir(), 'ao-patroni-'))
    chmodSync(this.#root, 0o711)
  }

  async open(): Promise<void> {
    const [door = 0, etcd = 0, peer = 0, ...rest] = await restingPorts(9)
    this.#ports = { door, etcd, peer, rest: rest.slice(0, 3), servers: rest.slice(3) }
    await this.startCoordinator()
    const owner = ownerOf('postgres')
    for (const name of members) {
      const folder = join(this.#root, name)
      mkdirSync(folder, { mode: 0o700 })
      const text = patroniText(name, this.#root, this.#ports, this.#tuning)
      writeFileSync(this.#file(name), text, { mode: 0o644 })
      if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
      this.up(name)
      // The first one makes the data: the others copy it.
      if (name === 'pg1') await until('pg1 leads', async () => (await this.leader()) === name)
    }
    writeFileSync(join(this.#root, 'haproxy.cfg'), haproxyText(this.#ports, this.#tuning))
    this.#others.push(this.#start(['haproxy', '-db', '-f', join(this.#root, 'haproxy.cfg')], 'ha'))
    const target: Target = {
      ...{ engine: 'postgresql', host: '127.0.0.1', port: door },
      ...{ user: 'postgres', password: 'postgres', database: 'postgres' },
    }
    this.#target = target
    this.#place = new Place({ name: 'client', root: this.#root, machine: undefined, text: '' })
    await until('it is written to', () => this.#create(target))
    this.#place.write(target)
    await this.well()
  }

  async #create(target: Target): Promise<boolean> {
    try {
      const session = await sessionOf(target)
      await session.run('CREATE TABLE IF NOT EXISTS rows_client (id INT PRIMARY KEY)')
      await session.end()
      return true
    } catch {
      // HAProxy has nobody to lead to yet.
      await pause(500)
      return false
    }
  }

  #file(name: string): string {
    return join(this.#root, `${name}.yml`)
  }

  #start(argv: readonly string[], name: string): ChildProcess {
    const log = openSync(join(this.#root, `${name}.log`), 'a')
    const [command = '', ...args] = argv
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
    return spawn(command, args, { cwd: '/', env, stdio: ['ignore', log, log] })
  }

  async startCoordinator(): Promise<void> {
    const { etcd = 0, peer = 0 } = this.#ports ?? {}
    const [at, peers] = [`http://127.0.0.1:${etcd}`, `http://127.0.0.1:${peer}`]
    this.#etcd = this.#start(
      [
        ...['etcd', '--name', 'e1', '--data-dir', join(this.#root, 'etcd')],
        ...['--listen-client-urls', at, '--advertise-client-urls', at],
        ...['--listen-peer-urls', peers, '--initial-advertise-peer-urls', peers],
        ...['--initial-cluster', `e1=${peers}`],
      ],
      'etcd',
    )
    await until('etcd answers', async () => (await askFor(`${at}/health`)) !== undefined)
  }

  get coordinator(): number {
    return this.#etcd?.pid ?? 0
  }

  /** Starts the agent of a member, which starts its server. */
  up(name: string): void {
    const user = ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups']
    const prefix = process.getuid?.() === 0 ? user : []
    this.#agents.set(name, this.#start([...prefix, 'patroni', this.#file(name)], name))
  }

  agentOf(name: string): readonly number[] {
    return [this.#agents.get(name)?.pid ?? 0]
  }

  /** The server and all its processes: they are no children of an agent that found them running. */
  serverOf(name: string): readonly number[] {
    const path = join(this.#root, name, 'data', 'postmaster.pid')
    const pid = Number(readText(path).split('\n')[0])
    return pid > 0 ? [pid, ...descendantsOf(pid).map((each) => each.pid)] : []
  }

  allOf(name: string): readonly number[] {
    return [...this.agentOf(name), ...this.serverOf(name)]
  }

  signal(pids: readonly number[], signal: NodeJS.Signals): void {
    for (const pid of pids) {
      try {
        if (pid > 0) process.kill(pid, signal)
      } catch (thrown) {
        if ((thrown as { code?: string }).code !== 'ESRCH') throw thrown
      }
    }
  }

  /** Only the first process of the server, as a crash of it would be. */
  signalServer(name: string, signal: NodeJS.Signals): void {
    this.signal(this.serverOf(name).slice(0, 1), signal)
  }

  async #cluster(): Promise<readonly { name: string; role: string; state: string }[]> {
    for (const port of this.#ports?.rest ?? []) {
      const text = await askFor(`http://127.0.0.1:${port}/cluster`)
      if (text !== undefined) return JSON.parse(text).members ?? []
    }
    return []
  }

  async leader(): Promise<string | undefined> {
    return (await this.#cluster()).find(({ role }) => role === 'leader' || role === 'master')?.name
  }

  /** Resolves when its client is answered again; or after so long. */
  async answeredWithin(within: number): Promise<void> {
    const from = now()
    await pause(1000)
    const isAnswered = (): boolean => {
      const last = this.#client.history().findLast(({ outcome }) => outcome === 'ok')
      return (last?.completed ?? 0) > from + 1000 || now() - from > within
    }
    await until('its client is answered', isAnswered)
  }

  get #client(): Place {
    if (this.#place === undefined) throw new Error('Patroni is not open yet')
    return this.#place
  }

  /** All members follow one leader, and the client is answered. */
  async well(): Promise<string> {
    let leader = ''
    const isWell = async (): Promise<boolean> => {
      await pause(250)
      const all = await this.#cluster()
      leader = (await this.leader()) ?? ''
      const good = all.filter(({ state }) => state === 'running' || state === 'streaming')
      const last = this.#client.history().findLast(({ outcome }) => outcome === 'ok')
      const isLately = now() - (last?.completed ?? 0) < 1000
      return isLately && leader !== '' && all.length === 3 && good.length === 3
    }
    await until('Patroni is well', isWell, 300_000)
    return leader
  }

  /** Resolves to whether another one leads within so long: it may refuse, or give up. */
  async switchOver(primary: string, within: number): Promise<boolean> {
    const args = ['-c', this.#file(primary), 'switchover', 'ao', '--master', primary, '--force']
    await run('patronictl', args)
    const deadline = now() + within
    while (now() < deadline) {
      const leader = await this.leader()
      if (leader !== undefined && leader !== primary) return true
      await pause(10)
    }
    return false
  }

  /** Lets a fault befall it, and waits until it is well again; `undefined`: it did not happen. */
  async suffer(
    fault: PatroniFault,
  ): Promise<{ readonly outage: number; readonly errors: number } | undefined> {
    const primary = await this.well()
    let at = 0
    const befell = await fault.befall(this, primary, () => {
      at = now()
    })
    await this.well()
    return befell ? noticed(this.#client.history(), at, now()) : undefined
  }

  async judge(): Promise<{ readonly lost: number; readonly said: string }> {
    const history = (): ReturnType<Place['history']> => this.#client.history()
    const invoked = history().at(-1)?.completed ?? 0
    const rows = await this.#client.run(this.#target as Target, ['SELECT id FROM rows_client'])
    const ids = new Set(rows.map(({ id }) => Number(id)))
    await until('the client has noted what was read', () =>
      [...ids].slice(-1).every((last) => history().some(({ id }) => id >= last)),
    )
    const completed = history().at(-1)?.completed ?? 0
    const verdict = checkAcknowledged(insertsOf(history()), { ids, invoked, completed })
    return { lost: verdict.lost.length, said: describeAcknowledged(verdict) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#place?.kill()
    for (const child of [...this.#agents.values(), ...this.#others]) child.kill('SIGKILL')
    this.#etcd?.kill('SIGKILL')
    this.signal(
      members.flatMap((name) => this.serverOf(name)),
      'SIGKILL',
    )
    await endThoseOf([this.#root])
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    isClean(this)
  }
}

/** What an address answers, whatever its status; `undefined` where nobody does. */
async function askFor(url: string): Promise<string | undefined> {
  try {
    return await (await fetch(url, { signal: AbortSignal.timeout(2000) })).text()
  } catch {
    return undefined
  }
}
