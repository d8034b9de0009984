// A folder with a file that has one database, and the command line in it: what a newcomer has who
// makes a mistake. Knows how to end whatever was started there.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { restingPorts } from '../../bench/lib/ports.ts'
import { ask } from '../../src/agent/client.ts'
import { type ProcessIdentity, signalProcess } from '../../src/control/processes.ts'
import type { GuardRecord } from '../../src/databases/guard/protocol.ts'
import type { DatabaseOverview, MemberOverview } from '../../src/databases/overview.ts'
import { until } from '../engines/waiting.ts'
import { removeRunFolder } from '../support/run-folder.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')

/** The machine may be very busy. */
export const patience = 180_000

/** How a command ended, and what it wrote. */
export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export type Engine = 'postgresql' | 'mariadb'

/** As small as it goes: files are made over and over again. */
const settings = {
  postgresql: '{ shared_buffers: 16MB, max_wal_size: 32MB, min_wal_size: 32MB, wal_keep_size: 0 }',
  mariadb: '{ innodb_buffer_pool_size: 16M, innodb_log_file_size: 8M, performance_schema: OFF }',
}

export class Place implements AsyncDisposable {
  readonly folder: string
  readonly engine: Engine
  readonly ports: readonly number[]
  readonly #children: ChildProcess[] = []
  #agent: ChildProcess | undefined

  private constructor(folder: string, engine: Engine, ports: readonly number[]) {
    this.folder = folder
    this.engine = engine
    this.ports = ports
  }

  /** A file with three members is there; nothing runs. */
  static async open(engine: Engine): Promise<Place> {
    const folder = mkdtempSync(join(tmpdir(), 'ao-place-'))
    // The servers' own user has to pass through.
    chmodSync(folder, 0o711)
    const place = new Place(folder, engine, await restingPorts(4))
    place.write('')
    return place
  }

  /** Writes the file: `more` are lines of the database `name`. */
  write(more: string, name = 'orders'): void {
    const [door, ...members] = this.ports
    writeFileSync(
      join(this.folder, 'alwayson.yaml'),
      `name: place
edges: 1
databases:
  ${name}:
    engine: ${this.engine}
    members: { count: 3, ports: [${members.join(', ')}] }
    data: ${this.data}
    bind: 127.0.0.1:${door}
    settings: ${settings[this.engine]}
${more}`,
    )
  }

  get data(): string {
    return join(this.folder, 'data')
  }

  get state(): string {
    return join(this.folder, 's')
  }

  #spawn(argv: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [main, ...argv, '--state', this.state], {
      cwd: this.folder,
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#children.push(child)
    return child
  }

  /** Runs `alwayson` to its end. */
  async run(...argv: readonly string[]): Promise<Ran> {
    const child = this.#spawn(argv)
    let [out, err] = ['', '']
    child.stdout?.on('data', (text) => {
      out += text
    })
    child.stderr?.on('data', (text) => {
      err += text
    })
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, out, err }
  }

  /** Starts the agent, and waits until it answers. */
  async up(): Promise<void> {
    this.#agent = this.#spawn(['up'])
    await until('the agent answers', async () => (await this.look()) !== undefined, patience)
  }

  /** Kills the agent alone: what it has started runs on. */
  async crash(): Promise<void> {
    const agent = this.#agent
    if (agent === undefined || agent.exitCode !== null) throw new Error('no agent runs')
    const ended = once(agent, 'close')
    agent.kill('SIGKILL')
    await ended
  }

  /** Ends everything in order. */
  async down(): Promise<void> {
    await this.run('down')
  }

  async look(name = 'orders'): Promise<DatabaseOverview | undefined> {
    try {
      const socket = join(this.state, 'agent.sock')
      const { databases = [] } = await ask(socket, '/status', {}, AbortSignal.timeout(10_000))
      return databases.find((one) => one.name === name)
    } catch {
      // It is not there yet.
      return undefined
    }
  }

  /** Resolves when its primary serves and all follow. */
  async well(name = 'orders'): Promise<DatabaseOverview> {
    let seen: DatabaseOverview | undefined
    const isWell = async (): Promise<boolean> => {
      seen = await this.look(name)
      return seen?.phase === 'serving' && seen.members.every(({ standing }) => standing === 'good')
    }
    await until('all is well', isWell, patience).catch((thrown: unknown) => {
      throw new Error(`${String(thrown)}: ${JSON.stringify(seen?.members)}`)
    })
    return seen as DatabaseOverview
  }

  /** Resolves to what `why` says of a member once that has these words. */
  async says(member: string, words: RegExp): Promise<string> {
    let said = ''
    const isSaid = async (): Promise<boolean> => {
      said = (await this.run('why', member)).out
      return words.test(said)
    }
    await until(`why ${member} says ${words}`, isSaid, patience).catch((thrown: unknown) => {
      throw new Error(`${String(thrown)}; it says ${said}`)
    })
    return said
  }

  /** The guard and the server of a member. */
  record(member: string): GuardRecord {
    const path = join(this.state, 'databases', 'guards', `${member}.json`)
    return JSON.parse(readFileSync(path, 'utf8')) as GuardRecord
  }

  member(seen: DatabaseOverview | undefined, name: string): MemberOverview | undefined {
    return seen?.members.find((each) => each.name === name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL')
    // Guards and edges outlive their agent; servers end with their guards.
    const identities = [
      ...this.#records('databases/guards').map((text) => (JSON.parse(text) as GuardRecord).guard),
      ...this.#records('edges').map((text) => JSON.parse(text) as ProcessIdentity),
    ]
    for (const identity of identities) signalProcess(identity, 'SIGKILL')
    removeRunFolder(this.state)
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }

  #records(below: string): readonly string[] {
    const folder = join(this.state, below)
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .filter((text) => text !== '')
  }
}
