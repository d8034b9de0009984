// An edge process under siege: hostile clients and servers on one side of it, ordinary clients on
// the other, who must notice nothing; and what it holds of memory and files meanwhile.

import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { TableFrontend } from '../../src/balancing/model.ts'
import { ms } from '../../src/foundation/time.ts'
import { answering, get, type Origin, ok, Peer, tableOf, until } from '../support/edge-bed.ts'
import { EdgeProcesses, freePort, type RunningEdge } from '../support/edge-processes.ts'

/** `HOSTILE=long` besieges with ten times as many. */
export const isLong = process.env.HOSTILE === 'long'

/** So many in the short form. */
export const many = (count: number): number => (isLong ? count * 10 : count)

const mebibyte = 1024 * 1024

/** Files for three ordinary clients: each its own, two to servers while hedged, and a spare. */
const ordinary = 12

/** An edge before two good servers, at `/`, and whatever the test puts at `/bad`. */
export class Siege implements AsyncDisposable {
  readonly #edges: EdgeProcesses
  readonly #peers = new Set<Peer>()
  readonly #edge: RunningEdge
  readonly #good: readonly Origin[]
  readonly port: number

  private constructor(
    edges: EdgeProcesses,
    edge: RunningEdge,
    good: readonly Origin[],
    port: number,
  ) {
    this.#edges = edges
    this.#edge = edge
    this.#good = good
    this.port = port
  }

  /** `files`: so many may the edge have open, if it is told. */
  static async begin(
    bad: readonly Origin[],
    wish: Partial<TableFrontend> = {},
    files?: number,
  ): Promise<Siege> {
    const edges = new EdgeProcesses()
    const good = await Promise.all(['good-1', 'good-2'].map((id) => answering(id, () => ok(id))))
    const port = await freePort()
    const edge = await edges.start(1, 'besieged', undefined, files)
    const siege = new Siege(edges, edge, good, port)
    const any = { host: undefined, policy: 'roundrobin' as const }
    const pools = tableOf(
      1,
      bad.map((each) => each.row()),
      {},
    ).pools
    const table = tableOf(
      1,
      good.map((each) => each.row()),
      {
        frontend: {
          ...{ binds: [{ host: '127.0.0.1', port }], maxConnections: 100_000 },
          ...{ idleTimeout: ms(700), headTimeout: ms(700), halfClosedTimeout: ms(700) },
          routes: [
            { ...any, path: '/bad', pool: 'bad' },
            { ...any, path: undefined, pool: 'web' },
          ],
          ...wish,
        },
        more: pools.map((pool) => ({ ...pool, name: 'bad' })),
      },
    )
    edge.send({ kind: 'table', table })
    await until('it routes', () => edge.told.some(({ kind }) => kind === 'routing'))
    return siege
  }

  /** A connection to the edge. */
  async client(): Promise<Peer> {
    const socket = connect({ port: this.port, host: '127.0.0.1', allowHalfOpen: true })
    const peer = new Peer(socket)
    this.#peers.add(peer)
    // Told, not looked for: ten thousand who look every two milliseconds leave nobody any time.
    await once(socket, 'connect')
    return peer
  }

  clients(count: number): Promise<readonly Peer[]> {
    return Promise.all(Array.from({ length: count }, () => this.client()))
  }

  /** Lets go of these. */
  leave(peers: Iterable<Peer>): void {
    for (const peer of peers) {
      peer.close()
      this.#peers.delete(peer)
    }
  }

  /** What the process holds. */
  get files(): number {
    return readdirSync(`/proc/${this.#edge.identity.pid}/fd`).length
  }

  get memory(): number {
    const status = readFileSync(`/proc/${this.#edge.identity.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
  }

  /** What the edge told of mistakes of its own: nothing ever. */
  get faults(): readonly string[] {
    return this.told('edge-fault')
  }

  /** Why this rule decided, each time that it did. */
  told(rule: string): readonly string[] {
    return this.#edge.told.flatMap((message) =>
      message.kind === 'event' && message.rule === rule ? [message.why] : [],
    )
  }

  /** Ordinary clients ask, on kept and on new connections, while `during` lasts. */
  async unharmed<T>(during: () => Promise<T>): Promise<T> {
    const failures: string[] = []
    let over = false
    let answered = 0
    const ask = async (keep: boolean): Promise<void> => {
      let peer: Peer | undefined
      let usedAt = 0
      while (!over || answered < 20) {
        if (peer === undefined) usedAt = performance.now()
        peer ??= await this.client()
        const rested = performance.now() - usedAt
        usedAt = performance.now()
        peer.send(get('/', keep ? '' : 'Connection: close\r\n'))
        const message = await answerTo(peer, rested)
        if (message === undefined) {
          this.leave([peer])
          peer = undefined
          continue
        }
        const { head, body } = message
        answered += 1
        if (!head.startsWith('HTTP/1.1 200') || !body.startsWith('good')) failures.push(head + body)
        if (keep && !/^connection: close\r$/im.test(head)) continue
        this.leave([peer])
        peer = undefined
      }
      if (peer !== undefined) this.leave([peer])
    }
    const asking = Promise.all([ask(true), ask(true), ask(false)])
    const result = await during().finally(async () => {
      over = true
      await asking
    })
    if (failures.length > 0) throw new Error(`others were harmed: ${failures.join('\n')}`)
    if (this.faults.length > 0) throw new Error(`the edge had faults: ${this.faults.join('\n')}`)
    return result
  }

  /**
   * Repeats an assault, and looks whether anything of it stays: the files are given back each time,
   * and the memory after the last ones is not more than after the first ones.
   */
  async endures(assault: () => Promise<void>, times = isLong ? 40 : 6): Promise<void> {
    const before = this.files
    const after: number[] = []
    await this.unharmed(async () => {
      for (let time = 0; time < times; time += 1) {
        await assault()
        await until(`${before} files, not ${this.files}`, () => this.files <= before + ordinary)
        after.push(this.memory)
      }
    })
    const half = Math.floor(times / 2)
    const [first, last] = [Math.max(...after.slice(0, half)), Math.max(...after.slice(half))]
    if (last > first * 1.25 + 8 * mebibyte) {
      throw new Error(`memory grows from assault to assault: ${after.map(inMebibytes).join(', ')}`)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leave([...this.#peers])
    await this.#edges[Symbol.asyncDispose]()
    for (const origin of this.#good) await origin[Symbol.asyncDispose]()
  }
}

/** Milliseconds for which the edge surely bears a connection that rests. */
const borne = 500

/**
 * The answer; `undefined` where the edge closed a connection that had rested for too long before
 * the request came. Those who besiege and those who ask are one process, which may be busy.
 */
async function answerTo(
  peer: Peer,
  rested: number,
): Promise<Awaited<ReturnType<Peer['takeMessage']>> | undefined> {
  const isOver = (): boolean => peer.ended || peer.closed
  await until('an answer', () => peer.received !== '' || isOver())
  if (peer.received !== '') return peer.takeMessage()
  if (rested > borne) return undefined
  throw new Error(`closed without a word after ${Math.round(rested)} ms of rest`)
}

const inMebibytes = (bytes: number): string => `${Math.round(bytes / mebibyte)} MiB`
