// A place of a bed: a machine, or the one that all members share. Its agent, its clients, and what
// they wrote down.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { databaseFolders } from '../../src/agent/database-folders.ts'
import type { GuardRecord } from '../../src/databases/guard/protocol.ts'
import type { Transaction } from '../../src/drills/checkers/model.ts'
import type { TestMachine } from '../../test/hosts/namespaces.ts'
import type { ClientOrder } from './client.ts'
import { BenchDisk } from './disk.ts'
import { type Attempt, History, parseAttempt, parseTransaction, readText } from './history.ts'
import type { Target } from './session.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
const client = join(import.meta.dirname, 'client.ts')
/** A client writes this often, ms. */
const every = 10

/** What a place is made of. */
export interface PlaceOptions {
  readonly name: string
  /** The folder of the bed. */
  readonly root: string
  readonly machine: TestMachine | undefined
  /** The file that its agent keeps up. */
  readonly text: string
}

export class Place implements Disposable {
  readonly name: string
  readonly machine: TestMachine | undefined
  /** The disk that its members' data lie on, where it has one of its own. */
  readonly disk: BenchDisk | undefined
  readonly socket: string
  readonly folder: string
  readonly #state: string
  readonly #data: string
  readonly #rows: History<Attempt>
  readonly #lists: History<Transaction>[] = []
  readonly #children: ChildProcess[] = []
  #agent: ChildProcess | undefined

  constructor({ name, root, machine, text }: PlaceOptions) {
    this.name = name
    this.machine = machine
    this.folder = join(root, name)
    this.#state = join(this.folder, 's')
    this.#data = join(root, 'data')
    this.socket = join(this.#state, 'agent.sock')
    mkdirSync(this.folder, { mode: 0o711 })
    mkdirSync(this.#data, { mode: 0o711, recursive: true })
    writeFileSync(join(this.folder, 'alwayson.yaml'), text)
    this.disk = machine && new BenchDisk(join(this.folder, 'disk'))
    this.#rows = new History(join(this.folder, 'history'), parseAttempt)
  }

  get agent(): ChildProcess {
    if (this.#agent === undefined) throw new Error(`no agent was started on ${this.name}`)
    return this.#agent
  }

  /** Whether its agent runs, as far as this process has done anything about it. */
  get isUp(): boolean {
    const { exitCode, signalCode, killed } = this.agent
    return exitCode === null && signalCode === null && !killed
  }

  /** Stops its agent, or lets it go on; `ChildProcess` would take it for killed from then on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const { pid } = this.agent
    if (pid !== undefined) process.kill(pid, signal)
  }

  /** Starts its agent. */
  up(): void {
    const { machine, folder } = this
    const log = join(folder, 'agent.log')
    const argv = [process.execPath, main, 'up', 'alwayson.yaml', '--state', this.#state]
    const out = openSync(log, 'a')
    this.#agent =
      machine?.spawn(this.disk?.shown(this.#data, argv) ?? argv, { cwd: folder, log }) ??
      spawn(argv[0] ?? '', argv.slice(1), { cwd: folder, stdio: ['ignore', out, out] })
    this.#children.push(this.#agent)
  }

  /** Rows of its own client, from the first on. */
  history(): readonly Attempt[] {
    return this.#rows.read()
  }

  /** What its clients did with lists. */
  transactions(): readonly Transaction[] {
    return this.#lists.flatMap((each) => each.read())
  }

  get table(): string {
    return `rows_${this.name}`
  }

  /** Starts its client, or another one after it has lost its power. */
  write(target: Target): void {
    const history = join(this.folder, 'history')
    const first = 1 + this.history().reduce((most, { id }) => Math.max(most, id), 0)
    this.#client({ target, kind: 'write', table: this.table, history, every, first })
  }

  /** Starts a client that appends to lists; `index` is no other's. Gives back how it is ended. */
  append(target: Target, index: number): () => Promise<void> {
    const history = join(this.folder, `lists-${index}`)
    this.#lists.push(new History(history, parseTransaction))
    const child = this.#client({ target, kind: 'lists', history, index })
    return async () => {
      const ended = once(child, 'close')
      child.kill('SIGTERM')
      if (child.exitCode === null && child.signalCode === null) await ended
    }
  }

  /** Runs statements through its door; gives the rows of the last one. */
  async run(
    target: Target,
    statements: readonly string[],
  ): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const child = this.#client({ target, kind: 'run', statements })
    let text = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
    })
    await once(child, 'close')
    if (child.exitCode !== 0) {
      const words = readText(join(this.folder, 'client.log')).trim().split('\n').slice(-12)
      throw new Error(`a client on ${this.name} failed:\n${words.join('\n')}`)
    }
    return JSON.parse(text) as readonly Readonly<Record<string, unknown>>[]
  }

  #client(order: ClientOrder): ChildProcess {
    const [program = '', ...args] = [...(this.machine?.inside ?? []), process.execPath, client]
    const log = openSync(join(this.folder, 'client.log'), 'a')
    const child = spawn(program, args, { cwd: this.folder, stdio: ['pipe', 'pipe', log] })
    child.stdin?.end(JSON.stringify(order))
    this.#children.push(child)
    return child
  }

  /** The guard and the server of a member that runs here. */
  record(member: string): GuardRecord {
    const path = join(this.#state, 'databases', 'guards', `${member}.json`)
    return JSON.parse(readFileSync(path, 'utf8')) as GuardRecord
  }

  /** Where its servers have their sockets. */
  get sockets(): string {
    return databaseFolders(this.#state, process.getuid?.() === 0).run
  }

  /** Ends what it started itself; what that has started outlives it. */
  kill(): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }

  [Symbol.dispose](): void {
    this.disk?.[Symbol.dispose]()
  }
}
