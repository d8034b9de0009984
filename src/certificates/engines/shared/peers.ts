// The machines of a cluster as peers: what they share stands in the coordinator, sealed, and each
// keeps a copy of its own, to go on with while nobody can be asked.

import type { Challenge } from '../../../balancing/model.ts'
import type { Seal } from '../../../control/seal.ts'
import { type Coordinator, whyNot } from '../../../coordination/coordinator.ts'
import { type Codec, openDocument } from '../../../coordination/recipes/documents.ts'
import { follow } from '../../../coordination/recipes/follow.ts'
import { whileHolding } from '../../../coordination/recipes/locks.ts'
import { ensure, forget, persevere } from '../../../coordination/recipes/persevere.ts'
import { describeError, Fault } from '../../../foundation/fault.ts'
import { type Clock, ms, sleep } from '../../../foundation/time.ts'
import type { CertificatePeers, PeerListener } from '../../peers.ts'
import type { SecretStore } from '../../store.ts'
import { formatHeard, untilHeard } from './heard.ts'

/** What they stand on. */
export interface SharedPeersOptions {
  readonly machine: string
  readonly clock: Clock
  readonly seal: Seal
  /** This machine's copy. */
  readonly store: SecretStore
  /** A name that nobody else has. */
  readonly newId: () => string
  readonly event: (rule: string, subject: string, why: string) => void
}

/** Peers that are in view while a session with the coordinator lives. */
export interface SharedPeers extends CertificatePeers, Disposable {
  /** Keeps them in view until the signal is aborted or the session is over; then rejects. */
  attend(coordinator: Coordinator, signal: AbortSignal): Promise<never>
}

const root = '/certificates'
/** Where everything stands, below the cluster's own root. */
const places = {
  secrets: `${root}/secrets`,
  /** Each as long as the session of the machine that orders. */
  challenges: `${root}/challenges`,
  /** Which challenges the edges of each machine know, as long as its session lives. */
  heard: `${root}/heard`,
  locks: `${root}/locks`,
} as const

/** For what the others keep, before a placeholder is shown. */
const settleWithin = ms(2000)
/** For a session, before whoever wants to work alone is told that there is none. */
const sessionWithin = ms(30_000)
/** After a failure that is not the connection's. */
const attendAgainAfter = ms(5000)

interface Session {
  readonly coordinator: Coordinator
  readonly signal: AbortSignal
}

const nodeOf = (name: string): string => name.replaceAll('/', ':')

/** What stands in the coordinator names files of this machine: none outside their folder. */
function nameOf(node: string): string {
  if (/^[\w-][\w.-]*(?::[\w-][\w.-]*)*$/.test(node)) return node.replaceAll(':', '/')
  throw new Fault('corrupt', `${places.secrets}/${node} is no name of a secret`)
}

/** Opens them; nothing is heard before `attend`. */
export const openSharedPeers = (options: SharedPeersOptions): SharedPeers => new Shared(options)

class Shared implements SharedPeers {
  readonly #options: SharedPeersOptions
  readonly #codec: Codec<string>
  readonly #stop = new AbortController()
  readonly #offered = new Set<string>()
  /** The challenges in view, by their nodes. */
  readonly #challenges = new Map<string, Challenge>()
  /** The nodes of this machine's own challenges. */
  readonly #own = new Map<Challenge, string>()
  #listener: PeerListener | undefined
  #session: Session | undefined
  #met = Promise.withResolvers<void>()
  /** What is seen is taken over in the order of looking. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: SharedPeersOptions) {
    this.#options = options
    const { seal } = options
    this.#codec = {
      parse: (data) => seal.open(data.toString('utf8')),
      format: (text) => seal.seal(text),
    }
  }

  get challenges(): readonly Challenge[] {
    const own = new Set(this.#own.values())
    return [...this.#challenges].flatMap(([node, challenge]) => (own.has(node) ? [] : [challenge]))
  }

  hear(listener: PeerListener): void {
    this.#listener = listener
  }

  async settled(): Promise<void> {
    await this.#connected(settleWithin).catch(() => undefined)
  }

  offer(name: string): void {
    this.#offered.add(name)
    const { machine, event } = this.#options
    if (this.#session === undefined) return
    this.#tellOffered(this.#session).catch((thrown: unknown) =>
      event('certificates-not-shared', machine, describeError(thrown)),
    )
  }

  async alone<T>(name: string, work: (store: SecretStore) => Promise<T>): Promise<T> {
    const { store, newId } = this.#options
    const { coordinator, signal } = await this.#connected(sessionWithin)
    const path = `${places.locks}/${nodeOf(name)}`
    return await whileHolding(coordinator, path, newId(), signal, async (lock, held) => {
      await persevere(() => coordinator.sync(held))
      await this.#look(coordinator, held)
      return await work({
        read: (one) => store.read(one),
        write: async (one, text) => {
          // Refused once the lock is lost: somebody else orders then.
          const document = openDocument(
            coordinator,
            `${places.secrets}/${nodeOf(one)}`,
            this.#codec,
          )
          await document.update(() => text, [lock.guard], held)
          await store.write(one, text)
        },
      })
    })
  }

  async show(challenge: Challenge): Promise<void> {
    const { clock, machine, newId, event } = this.#options
    const { coordinator, signal } = await this.#connected(sessionWithin)
    const node = newId()
    this.#own.set(challenge, node)
    const data = this.#codec.format(JSON.stringify(challenge))
    const path = `${places.challenges}/${node}`
    await this.#make(coordinator, path, data, signal)
    const lacking = await untilHeard(coordinator, places.heard, node, clock, signal)
    if (lacking.length === 0) return
    event('challenge-not-heard', machine, `edges on ${lacking.join(', ')} may not know it`)
  }

  async hide(challenge: Challenge): Promise<void> {
    const node = this.#own.get(challenge)
    this.#own.delete(challenge)
    if (node === undefined || this.#session === undefined) return
    await forget(this.#session.coordinator, `${places.challenges}/${node}`)
  }

  async attend(coordinator: Coordinator, signal: AbortSignal): Promise<never> {
    const { machine, clock, event } = this.#options
    const either = AbortSignal.any([signal, coordinator.over, this.#stop.signal])
    for (;;) {
      try {
        await this.#follow(coordinator, either)
      } catch (thrown) {
        either.throwIfAborted()
        event('certificates-not-shared', machine, describeError(thrown))
        await sleep(clock, attendAgainAfter, either)
      }
    }
  }

  async #follow(coordinator: Coordinator, signal: AbortSignal): Promise<never> {
    for (const place of Object.values(places)) await ensure(coordinator, place, signal)
    const heard = `${places.heard}/${this.#options.machine}`
    // One of an earlier session says what edges knew then.
    await forget(coordinator, heard)
    await this.#make(coordinator, heard, formatHeard([]), signal)
    const session = { coordinator, signal }
    let told = formatHeard([])
    const view = {
      ...{ path: root, deep: true },
      look: (at: AbortSignal) => this.#look(coordinator, at),
    }
    try {
      for await (const known of follow(coordinator, view, signal)) {
        if (this.#session !== session) this.#begin(session)
        await this.#tellOffered(session)
        const data = formatHeard(known)
        if (data === told) continue
        await persevere(() => coordinator.write([{ kind: 'set', path: heard, data }], signal))
        told = data
      }
      throw new Error('broken invariant: a view ends by throwing')
    } finally {
      this.#session = undefined
      this.#met = Promise.withResolvers()
    }
  }

  #begin(session: Session): void {
    this.#session = session
    this.#met.resolve()
  }

  async #connected(within: typeof settleWithin): Promise<Session> {
    const { clock } = this.#options
    if (this.#session === undefined) {
      const end = new AbortController()
      const late = sleep(clock, within, AbortSignal.any([end.signal, this.#stop.signal]))
      await Promise.race([this.#met.promise, late]).finally(() => end.abort())
    }
    if (this.#session !== undefined) return this.#session
    throw new Fault('unreachable', 'the other machines cannot be asked: the coordinator is away', {
      remedy:
        'certificates that are there are shown; those that are due are ordered once it is back',
    })
  }

  /** Takes over what all keep; resolves, once the edges here know, to the challenges' nodes. */
  #look(coordinator: Coordinator, signal: AbortSignal): Promise<readonly string[]> {
    const turn = this.#turn.then(() => this.#takeOver(coordinator, signal))
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #takeOver(coordinator: Coordinator, signal: AbortSignal): Promise<readonly string[]> {
    const { store } = this.#options
    const changed: string[] = []
    for (const [node, text] of await this.#read(coordinator, places.secrets, signal)) {
      const name = nameOf(node)
      if (text === (await store.read(name))) continue
      await store.write(name, text)
      changed.push(name)
    }
    const challenges = await this.#read(coordinator, places.challenges, signal)
    const isSame =
      challenges.size === this.#challenges.size &&
      [...challenges.keys()].every((node) => this.#challenges.has(node))
    if (!isSame) {
      this.#challenges.clear()
      for (const [node, text] of challenges) {
        this.#challenges.set(node, JSON.parse(text) as Challenge)
      }
    }
    if (!isSame || changed.length > 0) await this.#listener?.changed(changed)
    return [...challenges.keys()].toSorted()
  }

  /** What stands below a place, opened, by its nodes. */
  async #read(
    coordinator: Coordinator,
    place: string,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>()
    for (const node of (await coordinator.list(place, signal)) ?? []) {
      const seen = await coordinator.read(`${place}/${node}`, signal)
      if (seen !== undefined) found.set(node, this.#codec.parse(seen.data))
    }
    return found
  }

  async #tellOffered({ coordinator, signal }: Session): Promise<void> {
    for (const name of this.#offered) {
      const text = await this.#options.store.read(name)
      const path = `${places.secrets}/${nodeOf(name)}`
      if (
        text !== undefined &&
        (await persevere(() => coordinator.read(path, signal))) === undefined
      )
        await this.#make(coordinator, path, this.#codec.format(text), signal, 'persistent')
      this.#offered.delete(name)
    }
  }

  /** Makes a node; one that is there is left as it is. */
  async #make(
    coordinator: Coordinator,
    path: string,
    data: string,
    signal: AbortSignal,
    life: 'ephemeral' | 'persistent' = 'ephemeral',
  ): Promise<void> {
    for (;;) {
      try {
        await coordinator.write([{ kind: 'create', path, data, life }], signal)
        return
      } catch (thrown) {
        const why = whyNot(thrown)
        if (why === 'exists') return
        if (why !== 'not-done' && why !== 'unknown') throw thrown
      }
    }
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new Error('the agent ends'))
  }
}
