// Certificates that authorities issue: got when there is none, renewed in time, kept for the next
// agent. What is there goes on being shown whatever an authority says.

import { createHash } from 'node:crypto'
import type { Challenge, KeyPair } from '../balancing/model.ts'
import { backoff } from '../control/backoff.ts'
import { describeError } from '../foundation/fault.ts'
import type { Random } from '../foundation/random.ts'
import type { Clock } from '../foundation/time.ts'
import { readPair } from '../wire/key-pair.ts'
import { asLoaded, type LoadedPair } from './engines/files/pair-file.ts'
import type { Issuer } from './issuer.ts'
import type { AcmeWish } from './model.ts'
import { makePlaceholder, type PemPair } from './placeholder.ts'
import { inWords, isDue, nextTry } from './rules.ts'
import type { SecretStore } from './store.ts'

/** What renewals need. */
export interface RenewalOptions {
  readonly clock: Clock
  readonly random: Random
  readonly store: SecretStore
  readonly issuer: Issuer
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
  loaded: LoadedPair
  /** Shown because there is no other yet. */
  isPlaceholder: boolean
  failures: number
  notBefore: number
  problem: string
  running: boolean
}

/** Names a wish among what is kept: the same names of the same authority are the same one. */
export const nameOfWish = ({ directory, names }: AcmeWish): string => {
  const text = [directory, ...names.toSorted()].join('\n')
  return `acme/${createHash('sha256').update(text).digest('hex').slice(0, 24)}.json`
}

/** See the first line. */
export class Renewals {
  readonly #options: RenewalOptions
  #managed = new Map<string, Managed>()
  readonly #challenges = new Set<Challenge>()
  #over = false

  constructor(options: RenewalOptions) {
    this.#options = options
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
    const kept = load(await this.#options.store.read(name))
    const now = this.#options.clock.now()
    const loaded = kept ?? loadPem(makePlaceholder(wish.names, now))
    if (loaded === undefined) throw new Error('broken invariant: a placeholder is a certificate')
    const fresh = { failures: 0, notBefore: 0, problem: '', running: false }
    return { wish, loaded, isPlaceholder: kept === undefined, ...fresh }
  }

  find(wish: AcmeWish): Managed | undefined {
    return this.#managed.get(nameOfWish(wish))
  }

  get pairs(): readonly KeyPair[] {
    return [...this.#managed.values()].map(({ loaded }) => loaded.pair)
  }

  get challenges(): readonly Challenge[] {
    return [...this.#challenges]
  }

  /** Begins what is due; one certificate after the other would keep many names waiting. */
  step(now: number): void {
    for (const [name, managed] of this.#managed) {
      if (managed.running || now < managed.notBefore) continue
      if (!managed.isPlaceholder && !isDue(managed.loaded.facts, now)) continue
      managed.running = true
      void this.#renew(name, managed)
    }
  }

  async #renew(name: string, managed: Managed): Promise<void> {
    const { issuer, store, clock } = this.#options
    const { wish } = managed
    try {
      const issued = await issuer.issue(wish, {
        show: (challenge) => this.#show(challenge),
        hide: (challenge) => this.#hide(challenge),
      })
      const loaded = loadPem(issued)
      if (loaded === undefined) throw new Error('the authority sent what is no certificate')
      await store.write(name, JSON.stringify({ format: 1, ...issued }))
      const current = this.#current(name, managed)
      Object.assign(current, { loaded, isPlaceholder: false, failures: 0, problem: '' })
      const left = inWords(loaded.facts.until - clock.now())
      this.#event('certificate-issued', wish, `it is good for ${left}`)
    } catch (thrown) {
      this.#failed(this.#current(name, managed), describeError(thrown))
    } finally {
      this.#current(name, managed).running = false
      if (!this.#over) await this.#options.listener.changed()
    }
  }

  /** The file may have been applied again meanwhile. */
  #current(name: string, managed: Managed): Managed {
    return this.#managed.get(name) ?? managed
  }

  #failed(managed: Managed, why: string): void {
    const { clock, random } = this.#options
    managed.failures += 1
    const wait = backoff(nextTry, managed.failures, random.next())
    managed.notBefore = clock.now() + wait
    managed.problem = why
    const shown = managed.isPlaceholder ? 'a placeholder' : 'the one before'
    const minutes = Math.ceil(wait / 60_000)
    const told = `${why}; ${shown} is shown, and it is tried again in ${minutes} min`
    this.#event('certificate-not-issued', managed.wish, told)
  }

  async #show(challenge: Challenge): Promise<void> {
    this.#challenges.add(challenge)
    await this.#options.listener.changed()
  }

  #hide(challenge: Challenge): void {
    this.#challenges.delete(challenge)
  }

  #event(rule: string, { directory, names }: AcmeWish, why: string): void {
    if (this.#over) return
    this.#options.listener.event(rule, names[0] ?? directory, why, { directory, names })
  }

  [Symbol.dispose](): void {
    this.#over = true
  }
}

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
