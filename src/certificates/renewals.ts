// Certificates that authorities issue: got when there is none, renewed in time, kept for the next
// agent and for other machines. What is there goes on being shown whatever an authority says.

import { createHash } from 'node:crypto'
import type { Challenge, KeyPair } from '../balancing/model.ts'
import { backoff } from '../control/backoff.ts'
import { describeError } from '../foundation/fault.ts'
import type { Random } from '../foundation/random.ts'
import { type Clock, ms } from '../foundation/time.ts'
import { readPair } from '../wire/key-pair.ts'
import { asLoaded, type LoadedPair } from './engines/files/pair-file.ts'
import type { Issuer } from './issuer.ts'
import type { AcmeWish } from './model.ts'
import type { CertificatePeers } from './peers.ts'
import { makePlaceholder, type PemPair } from './placeholder.ts'
import { type FailedTry, inWords, isDue, mayTry, nextTry } from './rules.ts'
import type { SecretStore } from './store.ts'

/** What renewals need. */
export interface RenewalOptions {
  readonly clock: Clock
  readonly random: Random
  readonly store: SecretStore
  readonly issuer: Issuer
  readonly peers: CertificatePeers
  readonly listener: RenewalListener
}

/** Who hears of renewals. */
export interface RenewalListener {
  /** What `pairs` or `challenges` tell is something else now; resolves once all edges know. */
  changed(): Promise<void>
  event(rule: string, subject: string, why: string, seen: Readonly<Record<string, unknown>>): void
}

/** One certificate that an authority issues. */
export interface Managed {
  readonly wish: AcmeWish
  /** Since when this agent wants it. */
  readonly wanted: number
  loaded: LoadedPair
  /** Shown because there is no other yet. */
  isPlaceholder: boolean
  failed: FailedTry | undefined
  problem: string
  /** What was issued and could not be kept so far: shown from memory, and kept later. */
  unkept: Unkept | undefined
}

interface Unkept {
  readonly text: string
  /** What was kept when it was ordered: what is found instead of that is of another machine. */
  readonly before: string | undefined
  /** How the last try went, where that has to be kept too. */
  readonly done: FailedTry
  readonly tells: boolean
  failures: number
  notBefore: number
}

/** Names a wish among what is kept: the same names of the same authority are the same one. */
export const nameOfWish = ({ directory, names }: AcmeWish): string => {
  const text = [directory, ...names.toSorted()].join('\n')
  return `acme/${createHash('sha256').update(text).digest('hex').slice(0, 24)}.json`
}

/** Where it is kept how the last try failed. */
const triesOf = (name: string): string => name.replace('.json', '.tries.json')

/** What is done for one certificate while no other machine works on it. */
type Work = (name: string, managed: Managed, store: SecretStore) => Promise<void>

/** See the first line. */
export class Renewals {
  readonly #options: RenewalOptions
  #managed = new Map<string, Managed>()
  readonly #challenges = new Set<Challenge>()
  /** What is at work, by name: a file that is refused and taken back does not end it. */
  readonly #running = new Set<string>()
  /** Ends the orders that are under way. */
  readonly #end = new AbortController()

  constructor(options: RenewalOptions) {
    this.#options = options
    options.peers.hear({ changed: (names) => this.#heard(names) })
  }

  /** Makes these what is wanted; reads what an earlier agent kept, or makes a placeholder. */
  async watch(wishes: readonly AcmeWish[]): Promise<void> {
    const managed = new Map<string, Managed>()
    for (const wish of wishes) {
      const name = nameOfWish(wish)
      const known = this.#managed.get(name)
      managed.set(name, known === undefined ? await this.#open(wish, name) : { ...known, wish })
    }
    this.#managed = managed
  }

  async #open(wish: AcmeWish, name: string): Promise<Managed> {
    const { store, clock, peers } = this.#options
    let kept = load(await store.read(name))
    if (kept === undefined) {
      await peers.settled()
      kept = load(await store.read(name))
    } else peers.offer(name)
    const wanted = clock.now()
    const loaded = kept ?? loadPem(makePlaceholder(wish.names, wanted))
    if (loaded === undefined) throw new Error('broken invariant: a placeholder is a certificate')
    const failed = parseTry(await store.read(triesOf(name)))
    const fresh = { wanted, failed, problem: '', unkept: undefined }
    return { wish, loaded, isPlaceholder: kept === undefined, ...fresh }
  }

  get #isOver(): boolean {
    return this.#end.signal.aborted
  }

  find(wish: AcmeWish): Managed | undefined {
    return this.#managed.get(nameOfWish(wish))
  }

  get pairs(): readonly KeyPair[] {
    return [...this.#managed.values()].map(({ loaded }) => loaded.pair)
  }

  get challenges(): readonly Challenge[] {
    return [...this.#challenges, ...this.#options.peers.challenges]
  }

  /** Begins what is due; one certificate after the other would keep many names waiting. */
  step(now: number): void {
    for (const [name, managed] of this.#managed) {
      if (this.#running.has(name)) continue
      const { unkept } = managed
      if (mayBegin(managed, now)) void this.#work(name, managed, this.#renewAlone)
      else if (unkept !== undefined && now >= unkept.notBefore) {
        void this.#work(name, managed, this.#keepAlone)
      }
    }
  }

  async #work(name: string, managed: Managed, work: Work): Promise<void> {
    this.#running.add(name)
    try {
      await this.#options.peers.alone(name, (store) => work.call(this, name, managed, store))
    } catch (thrown) {
      this.#stuck(this.#current(name, managed), describeError(thrown))
    } finally {
      this.#running.delete(name)
      if (!this.#isOver) await this.#options.listener.changed()
    }
  }

  /** Told once, however often it is met again. */
  #stuck(managed: Managed, why: string): void {
    const { clock, random } = this.#options
    const { unkept } = managed
    const problem = unkept === undefined ? why : `it cannot be kept: ${why}`
    const rule = unkept === undefined ? 'certificate-not-issued' : 'certificate-not-kept'
    if (managed.problem !== problem) this.#event(rule, managed.wish, problem)
    managed.problem = problem
    if (unkept === undefined) return
    unkept.failures += 1
    unkept.notBefore = clock.now() + backoff(keepAgain, unkept.failures, random.next())
  }

  async #renewAlone(name: string, managed: Managed, store: SecretStore): Promise<void> {
    const { issuer, clock, listener } = this.#options
    // Another machine may have got it, or failed, since this one began to wait for its turn.
    await this.#reload(name)
    if (!mayBegin(this.#current(name, managed), clock.now())) return
    const { wish } = managed
    const proof = {
      show: (challenge: Challenge) => this.#show(challenge),
      hide: (challenge: Challenge) => this.#hide(challenge),
    }
    const before = await store.read(name)
    try {
      const issued = await issuer.issue(wish, proof, store, this.#end.signal)
      const loaded = loadPem(issued)
      if (loaded === undefined) throw new Error('the authority sent what is no certificate')
      const text = JSON.stringify({ format: 1, ...issued })
      this.#take(this.#current(name, managed), loaded, { text, before })
    } catch (thrown) {
      // Whoever ends gives up its order: no authority has refused it.
      if (this.#isOver) return
      return await this.#failed(name, this.#current(name, managed), describeError(thrown), store)
    }
    // Shown before it is kept: one that was lost with a full disk would count at the authority.
    if (!this.#isOver) await listener.changed()
    await this.#keep(name, managed, store)
  }

  #take(managed: Managed, loaded: LoadedPair, issued: Pick<Unkept, 'text' | 'before'>): void {
    const now = this.#options.clock.now()
    const tells = (managed.failed?.failures ?? 0) > 0
    const done = { ...noTry, at: now }
    const unkept = { ...issued, done, tells, failures: 0, notBefore: now }
    Object.assign(managed, { loaded, isPlaceholder: false, problem: '', failed: done, unkept })
    const left = inWords(loaded.facts.until - now)
    this.#event('certificate-issued', managed.wish, `it is good for ${left}`)
  }

  async #keepAlone(name: string, managed: Managed, store: SecretStore): Promise<void> {
    // Another machine may have ordered since: what it got stands for all.
    await this.#reload(name)
    await this.#keep(name, managed, store)
  }

  async #keep(name: string, managed: Managed, store: SecretStore): Promise<void> {
    const { unkept } = this.#current(name, managed)
    if (unkept === undefined) return
    const { text, done, tells } = unkept
    try {
      await store.write(name, text)
      if (tells) await store.write(triesOf(name), JSON.stringify(done))
    } catch (thrown) {
      // With another machine's in its place meanwhile there is nothing to keep any more.
      if (this.#current(name, managed).unkept === undefined) return
      throw thrown
    }
    const kept = { problem: '', failed: done, unkept: undefined }
    Object.assign(this.#current(name, managed), kept)
  }

  /** The file may have been applied again meanwhile. */
  #current(name: string, managed: Managed): Managed {
    return this.#managed.get(name) ?? managed
  }

  async #failed(name: string, managed: Managed, why: string, store: SecretStore): Promise<void> {
    const { clock, random } = this.#options
    const at = clock.now()
    const failures = (managed.failed?.failures ?? 0) + 1
    const wait = backoff(nextTry, failures, random.next())
    const shown = managed.isPlaceholder ? 'a placeholder' : 'the one before'
    const minutes = Math.ceil(wait / 60_000)
    const told = `${why}; ${shown} is shown, and it is tried again in ${minutes} min`
    this.#event('certificate-not-issued', managed.wish, told)
    managed.problem = why
    managed.failed = { at, failures, notBefore: at + wait, why }
    await store.write(triesOf(name), JSON.stringify(managed.failed))
  }

  /** Another machine has ordered, or failed to, or wants its challenges answered. */
  async #heard(names: readonly string[]): Promise<void> {
    if (this.#isOver) return
    for (const name of this.#managed.keys()) {
      if (names.includes(name) || names.includes(triesOf(name))) await this.#reload(name)
    }
    await this.#options.listener.changed()
  }

  /** Takes over what is kept now. */
  async #reload(name: string): Promise<void> {
    const { store, clock } = this.#options
    const text = await store.read(name)
    const kept = load(text)
    const failed = parseTry(await store.read(triesOf(name)))
    const managed = this.#managed.get(name)
    if (managed === undefined) return
    const { unkept } = managed
    if (unkept !== undefined) {
      // What is in memory is newer than what stands there, and only waits to take its place.
      if (text === unkept.before || text === unkept.text || kept === undefined) return
      Object.assign(managed, { unkept: undefined, problem: '' })
    }
    if (failed !== undefined) Object.assign(managed, { failed, problem: failed.why })
    if (kept === undefined || kept.pair.id === managed.loaded.pair.id) return
    Object.assign(managed, { loaded: kept, isPlaceholder: false })
    const left = inWords(kept.facts.until - clock.now())
    this.#event('certificate-received', managed.wish, `another machine got it: good for ${left}`)
  }

  /** Edges here know it first: what other machines say of theirs takes longer. */
  async #show(challenge: Challenge): Promise<void> {
    this.#challenges.add(challenge)
    await this.#options.listener.changed()
    await this.#options.peers.show(challenge)
  }

  async #hide(challenge: Challenge): Promise<void> {
    this.#challenges.delete(challenge)
    await this.#options.peers.hide(challenge)
  }

  #event(rule: string, { directory, names }: AcmeWish, why: string): void {
    if (this.#isOver) return
    this.#options.listener.event(rule, names[0] ?? directory, why, { directory, names })
  }

  [Symbol.dispose](): void {
    this.#end.abort(new Error('the agent ends'))
  }
}

const mayBegin = ({ isPlaceholder, loaded, failed, wanted }: Managed, now: number): boolean =>
  (isPlaceholder || isDue(loaded.facts, now)) && mayTry(failed, wanted, now)

function loadPem({ certificate, key }: PemPair): LoadedPair | undefined {
  const found = readPair(certificate, key)
  return found.kind === 'pair' ? asLoaded(certificate, key, found.facts) : undefined
}

/** What cannot be read any more is got anew. */
function load(text: string | undefined): LoadedPair | undefined {
  try {
    const kept = JSON.parse(text ?? '{}') as Partial<PemPair>
    const { certificate, key } = kept
    if (typeof certificate !== 'string' || typeof key !== 'string') return undefined
    return loadPem({ certificate, key })
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined
    throw thrown
  }
}

/** Between two tries to keep what was issued. */
const keepAgain = { first: ms(2000), factor: 2, most: ms(60_000), jitter: 0.2 }

const noTry = { failures: 0, notBefore: 0, why: '' }

/** What cannot be read any more is as if nothing had failed. */
function parseTry(text: string | undefined): FailedTry | undefined {
  try {
    const { at, failures, notBefore, why } = JSON.parse(text ?? '{}') as Partial<FailedTry>
    const isWhole = [at, failures, notBefore].every((value) => typeof value === 'number')
    if (!isWhole || typeof why !== 'string') return undefined
    return { at, failures, notBefore, why } as FailedTry
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined
    throw thrown
  }
}
