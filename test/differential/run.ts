// Sends the same steps to two servers and compares every answer and every watch event.

import { seededRandom } from '../../src/foundation/random.ts'
import { addWatchMode, eventType, watcherType } from '../../src/wire/jute/opcodes.ts'
import type { WatcherEvent } from '../../src/wire/jute/records.ts'
import { type Ask, nextStep, type Scene, type Step } from './operations.ts'
import { type Said, Side, type Watching } from './side.ts'

/** Where two servers went different ways. */
export interface Difference {
  readonly step: number
  readonly what: string
  readonly one: string
  readonly other: string
  /** The steps before it, the last of them the one that differs. */
  readonly story: readonly string[]
}

/** What a run came to. */
export interface Outcome {
  readonly steps: number
  readonly requests: number
  /** How many of the requests were done, not refused. */
  readonly done: number
  readonly events: number
  readonly difference: Difference | undefined
}

/** How a run is drawn. */
export interface RunOptions {
  readonly seed: number
  readonly steps: number
  readonly clients?: number
}

const noWatches = (): Watching => ({
  data: new Set(),
  exist: new Set(),
  child: new Set(),
  persistent: new Set(),
  recursive: new Set(),
})

/** The watches and connections that clients believe they have: the same on both servers. */
class Belief implements Scene {
  readonly clients: number
  readonly hasLimits: boolean
  readonly watching: Watching[]
  readonly made: string[] = []
  readonly #connected: boolean[]

  constructor(clients: number, hasLimits: boolean) {
    this.clients = clients
    this.hasLimits = hasLimits
    this.watching = Array.from({ length: clients }, noWatches)
    this.#connected = new Array(clients).fill(true)
  }

  #of(client: number): Watching {
    return this.watching[client] ?? noWatches()
  }

  isConnected(client: number): boolean {
    return this.#connected[client] ?? false
  }

  persists(client: number, path: string): boolean {
    const { persistent, recursive } = this.#of(client)
    return persistent.has(path) || recursive.has(path)
  }

  watchesOnce(client: number, path: string): boolean {
    const { data, exist, child } = this.#of(client)
    return data.has(path) || exist.has(path) || child.has(path)
  }

  connect(client: number, isConnected: boolean): void {
    this.#connected[client] = isConnected
  }

  renew(client: number): void {
    this.watching[client] = noWatches()
  }

  /** Takes note of what an answer tells. */
  answered(client: number, { name, request }: Ask, { error, body }: Said): void {
    const watching = this.#of(client)
    const { path } = (body ?? {}) as { readonly path?: string }
    if (path !== undefined && /\d{10}$/.test(path)) {
      this.made.push(path)
      if (this.made.length > 8) this.made.shift()
    }
    if (name === 'addWatch' && error === 0) {
      const isRecursive = request.mode === addWatchMode['persistent-recursive']
      watching[isRecursive ? 'recursive' : 'persistent'].add(request.path)
    } else if (name === 'removeWatches' && error === 0) this.#removed(watching, request)
    else if ((name === 'getData' || name === 'exists') && request.watch && error === 0) {
      watching.data.add(request.path)
    } else if (name === 'exists' && request.watch) watching.exist.add(request.path)
    else if ((name === 'getChildren' || name === 'getChildren2') && request.watch && error === 0) {
      watching.child.add(request.path)
    }
  }

  #removed(watching: Watching, { path, type }: { readonly path: string; type: number }): void {
    if (type !== watcherType.data) watching.child.delete(path)
    if (type !== watcherType.children) {
      watching.data.delete(path)
      watching.exist.delete(path)
    }
    if (type !== watcherType.any) return
    watching.persistent.delete(path)
    watching.recursive.delete(path)
  }

  told(client: number, { type, path }: WatcherEvent): void {
    const watching = this.#of(client)
    if (type === eventType.childrenChanged) {
      watching.child.delete(path)
      return
    }
    watching.data.delete(path)
    watching.exist.delete(path)
    if (type === eventType.deleted) watching.child.delete(path)
  }
}

const describeStep = (step: Step): string =>
  JSON.stringify(step, (key, value: unknown) =>
    key === 'data' && value !== null ? 'bytes' : value,
  )

const describeEvent = ({ type, path }: WatcherEvent): string => `${type} ${path}`

/** Runs one seed against the servers at two ports. */
export async function compare(
  ports: readonly [one: number, other: number],
  { seed, steps, clients = 4 }: RunOptions,
): Promise<Outcome> {
  const sides = [new Side('one', ports[0]), new Side('other', ports[1])] as const
  try {
    return await new Run(sides, seed, clients).run(steps)
  } finally {
    for (const side of sides) side.close()
  }
}

class Run {
  readonly #sides: readonly [Side, Side]
  readonly #belief: Belief
  readonly #random
  readonly #story: string[] = []
  #requests = 0
  #done = 0
  #events = 0
  #step = 0
  #difference: Difference | undefined

  constructor(sides: readonly [Side, Side], seed: number, clients: number) {
    this.#sides = sides
    this.#random = seededRandom(seed, 'differential')
    this.#belief = new Belief(clients, this.#random.next() < 1 / 3)
  }

  async run(steps: number): Promise<Outcome> {
    for (let client = 0; client < this.#belief.clients; client += 1) {
      for (const side of this.#sides) await side.begin(client)
    }
    const root: Ask = {
      name: 'create',
      request: {
        path: '/d',
        data: null,
        acl: [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }],
        flags: 0,
      },
    }
    await this.#do({ kind: 'ask', client: 0, asks: [root] })
    while (this.#step < steps && this.#difference === undefined) {
      await this.#do(nextStep(this.#random, this.#belief))
    }
    const [one, other] = this.#sides.map((side) => side.order().join(' ')) as [string, string]
    this.#same('the order of transactions', one, other)
    return {
      steps: this.#step,
      requests: this.#requests,
      done: this.#done,
      events: this.#events,
      difference: this.#difference,
    }
  }

  async #do(step: Step): Promise<void> {
    this.#step += 1
    this.#story.push(describeStep(step))
    if (this.#story.length > 30) this.#story.shift()
    const { client } = step
    switch (step.kind) {
      case 'ask':
        await this.#ask(client, step.asks)
        break
      case 'disconnect':
        for (const side of this.#sides) side.disconnect(client)
        this.#belief.connect(client, false)
        break
      case 'reconnect': {
        const watching = this.#belief.watching[client] ?? noWatches()
        const [one, other] = await this.#both((side) => side.reconnect(client, watching))
        this.#same('the answer to coming back', one, other)
        this.#belief.connect(client, true)
        break
      }
      case 'renew':
        await this.#both((side) => side.end(client))
        await this.#both((side) => side.begin(client))
        this.#belief.renew(client)
    }
    // The nodes of a session that ends go in an order that no server promises.
    await this.#compareEvents(step.kind === 'renew')
  }

  async #ask(client: number, asks: readonly Ask[]): Promise<void> {
    const [one, other] = await this.#both((side) => side.ask(client, asks))
    for (const [index, ask] of asks.entries()) {
      const [said, also] = [one[index], other[index]]
      if (said === undefined || also === undefined) throw new Error('an answer is missing')
      this.#requests += 1
      if (said.error === 0) this.#done += 1
      this.#same(`the answer to ${ask.name} (${index})`, said.text, also.text)
      this.#belief.answered(client, ask, said)
    }
  }

  async #compareEvents(isAnyOrder: boolean): Promise<void> {
    for (let client = 0; client < this.#belief.clients; client += 1) {
      if (!this.#belief.isConnected(client)) continue
      const [one, other] = await this.#both((side) => side.events(client))
      const [said, also] = [one, other].map((events) => {
        const lines = events.map(describeEvent)
        return (isAnyOrder ? lines.toSorted() : lines).join(', ')
      })
      this.#same(`the events of client ${client}`, said ?? '', also ?? '')
      for (const event of one) this.#belief.told(client, event)
      this.#events += one.length
    }
  }

  #both<T>(run: (side: Side) => Promise<T>): Promise<[T, T]> {
    return Promise.all([run(this.#sides[0]), run(this.#sides[1])])
  }

  #same(what: string, one: string, other: string): void {
    if (one === other || this.#difference !== undefined) return
    this.#difference = { step: this.#step, what, one, other, story: [...this.#story] }
  }
}
