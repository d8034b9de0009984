// An agent that takes over servers which a test has set up, and a client that writes meanwhile.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Session, sessionOf, type Target } from '../../bench/failover/session.ts'
import { ask } from '../../src/agent/client.ts'
import type { ApplyReport } from '../../src/agent/model.ts'
import { signalProcess } from '../../src/control/processes.ts'
import type { GuardRecord } from '../../src/databases/guard/protocol.ts'
import type { DatabaseOverview } from '../../src/databases/overview.ts'
import { Fault } from '../../src/foundation/fault.ts'
import { eventually, folderOf, freePort } from './database-bed.ts'
import { removeRunFolder } from './run-folder.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')

/** What a file says of the database `orders`. */
export interface AdoptedFile {
  readonly engine: Target['engine']
  readonly ports: readonly number[]
  readonly user: string
  readonly data: string
  readonly write: number
  readonly more?: string
}

export const fileOf = ({ engine, ports, user, data, write, more = '' }: AdoptedFile): string => `
name: taken
edges: 1
databases:
  orders:
    engine: ${engine}
    members: [${ports.map((port) => `{ at: "127.0.0.1:${port}" }`).join(', ')}]
    durability: async
    credentials: { user: ${user}, password: "\${env.BOSS}" }
    data: ${data}
    bind: 127.0.0.1:${write}
    ${more}
`

/** A whole agent, in a process of its own; it and all that it began are gone with this. */
export class AdoptingAgent implements AsyncDisposable {
  readonly #folder: string
  readonly #password: string
  #process: ChildProcess | undefined

  constructor(folder: string, password: string) {
    this.#folder = folder
    this.#password = password
    // The servers' own user has to pass through.
    chmodSync(folder, 0o711)
  }

  get #state(): string {
    return join(this.#folder, 's')
  }

  get #socket(): string {
    return join(this.#state, 'agent.sock')
  }

  /** Starts it with the file at `path`; resolves when it answers. */
  async up(path: string): Promise<void> {
    const log = openSync(join(this.#folder, 'agent.log'), 'a')
    this.#process = spawn(process.execPath, [main, 'up', path, '--state', this.#state], {
      cwd: this.#folder,
      env: { ...process.env, BOSS: this.#password },
      stdio: ['ignore', log, log],
    })
    await eventually('the agent answers', async () => {
      return await ask(this.#socket, '/status', {}).then(
        () => true,
        () => false,
      )
    })
  }

  /** As the command line does. Rejects with the agent's Fault. */
  apply(text: string, dryRun: boolean, password = this.#password): Promise<ApplyReport> {
    const path = join(this.#folder, 'alwayson.yaml')
    return ask(this.#socket, '/apply', { path, text, env: { BOSS: password }, dryRun })
  }

  /** Resolves when a file is refused in such words, and with a remedy. */
  async refuses(text: string, what: RegExp): Promise<void> {
    await assert.rejects(this.apply(text, false), (thrown) => {
      assert.ok(thrown instanceof Fault)
      assert.match(thrown.message, what)
      assert.ok((thrown.remedy ?? '') !== '', 'it names a remedy')
      return true
    })
  }

  async orders(): Promise<DatabaseOverview | undefined> {
    const { databases } = await ask(this.#socket, '/status', {})
    return databases?.find(({ name }) => name === 'orders')
  }

  async well(): Promise<DatabaseOverview> {
    let seen: DatabaseOverview | undefined
    await eventually('it serves, and all follow', async () => {
      seen = await this.orders()
      return seen?.phase === 'serving' && seen.standing === 'good'
    }).catch((thrown: unknown) => {
      throw new Error(`${String(thrown)}: ${JSON.stringify(seen)}: ${this.log()}`)
    })
    return seen as DatabaseOverview
  }

  /** Ends a member's server as a crash would. */
  kill(member: string): void {
    const path = join(this.#state, 'databases', 'guards', `${member}.json`)
    const { server } = JSON.parse(readFileSync(path, 'utf8')) as GuardRecord
    if (server !== undefined) signalProcess(server, 'SIGKILL')
  }

  log(): string {
    const path = join(this.#folder, 'agent.log')
    return existsSync(path) ? readFileSync(path, 'utf8').slice(-6000) : ''
  }

  /** Kills it; what it runs goes on. */
  async die(): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  async down(): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    await ask(this.#socket, '/down', { leave: false })
    await ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down().catch(() => this.die())
    removeRunFolder(this.#state)
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Writes one row after another, and remembers which were acknowledged. */
export class Writer implements AsyncDisposable {
  readonly acknowledged: number[] = []
  /** The longest time without an acknowledgement, in milliseconds. */
  longest = 0
  readonly #target: Target
  readonly #running: Promise<void>
  #isOver = false

  constructor(target: Target) {
    this.#target = target
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    let session: Session | undefined
    let last = performance.now()
    for (let id = 1; !this.#isOver; id += 1) {
      try {
        session ??= await sessionOf(this.#target)
        await session.run(`INSERT INTO entries (id) VALUES (${id})`)
        this.acknowledged.push(id)
        this.longest = Math.max(this.longest, performance.now() - last)
        last = performance.now()
      } catch {
        // Whether it is there nobody said: it counts for nothing.
        await session?.end()
        session = undefined
        await pause(10)
      }
      await pause(5)
    }
    await session?.end()
  }

  /** Resolves once so many more have been acknowledged. */
  async more(count: number): Promise<void> {
    const goal = this.acknowledged.length + count
    await eventually('more is written', () => this.acknowledged.length >= goal)
  }

  async end(): Promise<readonly number[]> {
    this.#isOver = true
    await this.#running
    return this.acknowledged
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }
}

/** Servers of one engine that a test sets up, with a table `entries` for clients to write to. */
export interface ForeignKind {
  readonly engine: Target['engine']
  /** Where that table is. */
  readonly database: string
  readonly boss: { readonly user: string; readonly password: string }
  /** As whom clients write. */
  readonly client: { readonly user: string; readonly password: string }
  open(): Promise<
    AsyncDisposable & {
      readonly folder: string
      readonly primary: { readonly port: number }
      readonly replica: { readonly port: number }
    }
  >
  run(
    port: number,
    ...statements: readonly string[]
  ): Promise<readonly Readonly<Record<string, unknown>>[]>
  startOf(port: number): Promise<unknown>
  /** What a dry run has to say. */
  readonly says: readonly RegExp[]
  /** Asserts that a server goes on with what it was set up with. */
  isKept(port: number): Promise<void>
}

/** Takes a pair over while a client writes, has it fail over, and misses no acknowledged row. */
export async function takenOver(kind: ForeignKind): Promise<void> {
  await using pair = await kind.open()
  const folder = folderOf('alwayson-taking-')
  await using agent = new AdoptingAgent(folder, kind.boss.password)
  const { port } = pair.primary
  const { engine, database, boss, client } = kind
  await using writer = new Writer({ engine, host: '127.0.0.1', port, database, ...client })
  await writer.more(50)
  const ports = [port, pair.replica.port]
  const data = join(pair.folder, 'ours')
  const text = fileOf({ engine, ports, user: boss.user, data, write: await freePort() })
  const path = join(folder, 'alwayson.yaml')
  writeFileSync(path, text)
  const begun = await Promise.all(ports.map(kind.startOf))
  await agent.up(path)
  const { actions, changed } = await agent.apply(text, true)
  assert.ok(changed)
  for (const each of kind.says) assert.match(actions.join('\n'), each)
  assert.deepEqual(await Promise.all(ports.map(kind.startOf)), begun, 'nothing has changed')

  await agent.apply(text, false)
  const { primary, epoch } = await agent.well()
  assert.equal(primary, 'orders-1')
  for (const name of ['one', 'two']) assert.ok(!existsSync(join(pair.folder, name)))
  await kind.isKept(port)
  await writer.more(50)
  const again = await agent.apply(text, true)
  assert.ok(!again.changed, 'what is ours is not taken over again')

  // Whoever looks after it next knows what it was set up with.
  await agent.die()
  await agent.up(path)
  await agent.well()
  agent.kill('orders-1')
  await eventually('it is noticed', async () => (await agent.orders())?.epoch !== epoch)
  const after = await agent.well()
  const serving = after.primary === 'orders-2' ? pair.replica.port : port
  const acknowledged = await writer.end()
  const there = await kind.run(serving, `SELECT id FROM ${entriesOf(kind)}`)
  const ids = new Set(there.map(({ id }) => Number(id)))
  const lost = acknowledged.filter((id) => !ids.has(id))
  assert.deepEqual(lost, [])
  await kind.isKept(serving)
}

const entriesOf = ({ engine, database }: ForeignKind): string =>
  engine === 'postgresql' ? 'entries' : `${database}.entries`
