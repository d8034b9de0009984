// Kills the embedded server again and again while clients write, and holds it to its word: what was
// acknowledged is there, nothing is there that nobody wrote, sessions and their nodes live on.
//
//   npm run crash:coordination -- --kills 200 --seed 1

import { readdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { below, type Random, seededRandom } from '../../src/foundation/random.ts'
import { errorCode } from '../../src/wire/jute/errors.ts'
import type { ConnectResponse } from '../../src/wire/jute/records.ts'
import { type EmbeddedProcess, startEmbedded } from '../engines/embedded-process.ts'
import { openRawClient, type RawAnswer, type RawClient } from '../engines/raw-client.ts'
import { openCreateAcl } from '../engines/raw-records.ts'
import { until } from '../engines/waiting.ts'

/** What a run came to. */
export interface CrashOutcome {
  readonly kills: number
  readonly acknowledged: number
  /** Requests whose answer never came; how many of them had been done nevertheless. */
  readonly unknown: number
  readonly recovered: number
  /** The transaction of the newest snapshot: 0 if the server never came to keep one. */
  readonly snapshotAt: number
  /** Sentences, each a broken promise. */
  readonly broken: readonly string[]
}

/** Logs and snapshots so small that kills meet their making. */
const limits = {
  logBytesMost: 40_000,
  snapshotAfterBytes: 60_000,
  snapshotsKept: 2,
  timeoutMostMs: 120_000,
}

/** One client and what it knows for sure. */
class WriterClient {
  readonly #id: number
  readonly #port: number
  #client: RawClient | undefined
  #session: ConnectResponse | undefined
  /** The last number that it began to write, that was acknowledged as a node, and as a value. */
  attempted = 0
  readonly acknowledged = new Set<number>()
  readonly open = new Set<number>()
  counter = { attempted: 0, acknowledged: 0 }
  unknown = 0
  recovered = 0

  constructor(id: number, port: number) {
    this.#id = id
    this.#port = port
  }

  async connect(): Promise<string | undefined> {
    const client = await openRawClient(this.#port)
    const old = this.#session
    const session = await client.hello({
      timeout: 120_000,
      ...(old && { sessionId: old.sessionId, password: old.password }),
    })
    if (session === undefined) return `client ${this.#id} was not let in`
    if (old !== undefined && session.sessionId !== old.sessionId) {
      return `the session of client ${this.#id} is gone`
    }
    this.#client = client
    this.#session = session
    return undefined
  }

  get #connected(): RawClient {
    if (this.#client === undefined) throw new Error('not connected')
    return this.#client
  }

  create(path: string, flags: number): Promise<RawAnswer> {
    return this.#connected.ask('create', { path, data: null, acl: openCreateAcl, flags })
  }

  /** Writes until the connection ends: nodes that are made, and a value that grows. */
  async write(): Promise<void> {
    const client = this.#connected
    const window = 8
    const one = async (): Promise<void> => {
      while (!client.isClosed) {
        this.attempted += 1
        const number = this.attempted
        this.open.add(number)
        const made = await this.create(`/w/${this.#id}-${number}`, 0)
        if (made.kind === 'closed') return
        this.open.delete(number)
        if (made.error === 0) this.acknowledged.add(number)
        this.counter.attempted += 1
        const value = this.counter.attempted
        const data = Buffer.from(String(value).padEnd(1 + (value % 200)))
        const set = await client.ask('setData', { path: `/c/${this.#id}`, data, version: -1 })
        if (set.kind === 'closed') return
        this.counter.acknowledged = Math.max(this.counter.acknowledged, value)
      }
    }
    await Promise.all(Array.from({ length: window }, one))
  }

  /** Compares what is there with what must and may be there. */
  async *check(names: ReadonlySet<string>): AsyncGenerator<string> {
    const own = [...names].filter((name) => name.startsWith(`${this.#id}-`))
    const numbers = new Set(own.map((name) => Number(name.split('-')[1])))
    for (const number of this.acknowledged) {
      if (!numbers.has(number)) yield `node ${this.#id}-${number} was acknowledged and is lost`
    }
    for (const number of numbers) {
      if (number > this.attempted || number < 1) yield `node ${this.#id}-${number} was invented`
    }
    // From here on it is known what became of those without an answer.
    for (const number of this.open) {
      this.unknown += 1
      if (!numbers.has(number)) continue
      this.recovered += 1
      this.acknowledged.add(number)
    }
    this.open.clear()
    yield* this.#checkValue()
    const mine = await this.#connected.ask('exists', { path: `/e/${this.#id}`, watch: false })
    if (mine.kind === 'closed' || mine.error !== 0) yield `the ephemeral of ${this.#id} is gone`
  }

  async *#checkValue(): AsyncGenerator<string> {
    const answer = await this.#connected.ask('getData', { path: `/c/${this.#id}`, watch: false })
    if (answer.kind === 'closed' || answer.error !== 0) {
      yield `the value of ${this.#id} cannot be read`
      return
    }
    const { data } = answer.body as { readonly data: Buffer | null }
    const value = Number(data?.toString() ?? '0')
    const { attempted } = this.counter
    // Answers come in the order of the requests, so what is there is no older than any of them.
    if (value > attempted) yield `the value ${value} of ${this.#id} was invented`
    if (value < this.counter.acknowledged) {
      yield `the value ${this.counter.acknowledged} of ${this.#id} was acknowledged, it is ${value}`
    }
    this.counter.acknowledged = value
  }

  async names(): Promise<ReadonlySet<string>> {
    const answer = await this.#connected.ask('getChildren', { path: '/w', watch: false })
    if (answer.kind === 'closed') throw new Error('the connection ended')
    return new Set((answer.body as { readonly children: readonly string[] }).children)
  }

  disconnect(): void {
    this.#client?.[Symbol.dispose]()
  }
}

const clientCount = 4

/**
 * Kills a server so many times, at moments that the seed chooses. `sabotage` may harm the folder
 * while nobody has it.
 */
export async function crash(
  kills: number,
  seed: number,
  sabotage: (folder: string) => void = () => undefined,
): Promise<CrashOutcome> {
  await using server = await startEmbedded({ limits })
  const { folder, port } = server
  const clients = Array.from({ length: clientCount }, (_, id) => new WriterClient(id, port))
  try {
    const random = seededRandom(seed, 'crash')
    const outcome = await crashAgainAndAgain(server, clients, kills, random, () => sabotage(folder))
    const newest = readdirSync(folder)
      .filter((name) => /^snapshot\.\w{16}$/.test(name))
      .toSorted()
    return { ...outcome, snapshotAt: Number.parseInt(newest.at(-1)?.slice(9) ?? '0', 16) }
  } finally {
    for (const client of clients) client.disconnect()
  }
}

async function crashAgainAndAgain(
  server: EmbeddedProcess,
  clients: readonly WriterClient[],
  kills: number,
  random: Random,
  sabotage: () => void,
): Promise<Omit<CrashOutcome, 'snapshotAt'>> {
  const broken: string[] = []
  const sum = (of: (client: WriterClient) => number): number =>
    clients.reduce((total, client) => total + of(client), 0)
  const acknowledged = (): number =>
    sum((client) => client.acknowledged.size + client.counter.acknowledged)
  const connectAll = async (): Promise<void> => {
    for (const client of clients) {
      const fault = await client.connect()
      if (fault !== undefined) broken.push(fault)
    }
  }
  await connectAll()
  const [first] = clients
  for (const path of ['/w', '/c', '/e']) await first?.create(path, 0)
  for (const [id, client] of clients.entries()) {
    for (const [path, flags] of [
      [`/c/${id}`, 0],
      [`/e/${id}`, 1],
    ] as const) {
      const answer = await client.create(path, flags)
      if (answer.kind === 'closed' || answer.error !== errorCode('ok')) broken.push(`no ${path}`)
    }
  }
  for (let kill = 0; kill < kills && broken.length === 0; kill += 1) {
    const writing = Promise.all(clients.map((client) => client.write()))
    // So many answers and a moment more: also where the machine is slow, much is under way.
    const enough = acknowledged() + below(random, 300)
    await until('enough is acknowledged', () => acknowledged() >= enough)
    await pause(below(random, 30))
    await server.end('SIGKILL')
    await writing
    sabotage()
    await server.start()
    await connectAll()
    if (broken.length > 0) break
    const names = (await first?.names()) ?? new Set<string>()
    for (const client of clients) for await (const fault of client.check(names)) broken.push(fault)
  }
  return {
    kills,
    acknowledged: acknowledged(),
    unknown: sum((client) => client.unknown),
    recovered: sum((client) => client.recovered),
    broken,
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
    },
  })
  const outcome = await crash(Number(values.kills), Number(values.seed))
  console.log(JSON.stringify(outcome, null, 2))
  console.log(`VALUE broken_promises ${outcome.broken.length}`)
  process.exitCode = outcome.broken.length === 0 ? 0 : 1
}
