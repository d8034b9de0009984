// The certificates of one machine: loads what the file names, sees when it changes, and tells what
// is about to end. Which edge shows what to whom is not known here.

import type { EdgeSecrets } from '../balancing/model.ts'
import { describeError } from '../foundation/fault.ts'
import type { Random } from '../foundation/random.ts'
import { type Clock, ms } from '../foundation/time.ts'
import { type LoadedPair, loadPair, stampOf } from './engines/files/pair-file.ts'
import type { Issuer } from './issuer.ts'
import type { CertificateFiles, CertificateSighting, CertificateWish } from './model.ts'
import type { CertificatePeers } from './peers.ts'
import { type Managed, Renewals } from './renewals.ts'
import { type Standing, standingOf } from './rules.ts'
import type { SecretStore } from './store.ts'
import { TicketKeys } from './tickets.ts'

/** What the agent sees of certificates. */
export interface Certificates {
  /**
   * Makes these what is wanted, and reads files again. Rejects with a Fault, and goes on with what
   * was wanted before, if one of them cannot be used. No authority is asked before `order`: what
   * wants them may be refused yet.
   */
  watch(wishes: readonly CertificateWish[]): Promise<void>
  /** Authorities are asked for what is due of those that are watched, from the next look on. */
  order(): void
  /** The certificates of each door, by its name; the first one is for names that none bears. */
  observe(): ReadonlyMap<string, readonly CertificateSighting[]>
}

/** What a keeper needs. */
export interface KeeperOptions {
  readonly clock: Clock
  readonly random: Random
  readonly store: SecretStore
  readonly issuer: Issuer
  readonly peers: CertificatePeers
  readonly listener: {
    /** What edges have to know is something else now; resolves once they know it. */
    secrets(secrets: EdgeSecrets): Promise<void>
    changed(): void
    event(rule: string, subject: string, why: string, seen: Readonly<Record<string, unknown>>): void
  }
}

/** For worlds without TLS. */
export const noCertificates: Certificates = {
  watch: () => Promise.resolve(),
  order: () => undefined,
  observe: () => new Map(),
}

/** Files are looked at so often; one that changes is read once it has stayed the same so long. */
const lookEvery = ms(2000)

/** One pair of files that is wanted. */
interface Kept {
  readonly files: CertificateFiles
  loaded: LoadedPair
  /** The files as they were when they were read, or refused, last; and at the last look. */
  readStamp: string
  lookStamp: string
  problem: string
  standing: Standing['kind'] | undefined
}

const keyOf = ({ certificate, key }: CertificateFiles): string => `${certificate}\0${key}`

/** A keeper that wants nothing yet. */
export class CertificateKeeper implements Certificates, Disposable {
  readonly #options: KeeperOptions
  readonly #tickets: TicketKeys
  readonly #renewals: Renewals
  #wishes: readonly CertificateWish[] = []
  #kept = new Map<string, Kept>()
  #timer: Disposable | undefined
  /** What is wanted has been taken: authorities may be asked for it. */
  #orders = false
  #over = false

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#tickets = new TicketKeys(options.store)
    const { clock, random, store, issuer, peers, listener } = options
    this.#renewals = new Renewals({
      ...{ clock, random, store, issuer, peers },
      listener: { event: listener.event, changed: () => this.#tell() },
    })
  }

  async watch(wishes: readonly CertificateWish[]): Promise<void> {
    const kept = new Map<string, Kept>()
    for (const files of wishes.flatMap((wish) => wish.files)) {
      const known = this.#kept.get(keyOf(files))
      const isSame = known !== undefined && known.readStamp === stampOf(files)
      if (isSame && known.problem !== '') this.#readAgain(known)
      kept.set(keyOf(files), isSame ? known : this.#load(files))
    }
    this.#orders = false
    await this.#renewals.watch(wishes.flatMap(({ acme }) => acme ?? []))
    this.#wishes = wishes
    this.#kept = kept
    if (wishes.length === 0) {
      this.#timer?.[Symbol.dispose]()
      this.#timer = undefined
      return
    }
    await this.#tickets.turn(this.#options.clock.now())
    void this.#tell()
    this.#warn()
    if (this.#timer === undefined) this.#later()
  }

  order(): void {
    this.#orders = true
  }

  #load(files: CertificateFiles): Kept {
    const stamp = stampOf(files)
    const before = this.#kept.get(keyOf(files))
    const loaded = loadPair(files)
    const standing = before?.loaded.pair.id === loaded.pair.id ? before.standing : undefined
    return { files, loaded, readStamp: stamp, lookStamp: stamp, problem: '', standing }
  }

  observe(): ReadonlyMap<string, readonly CertificateSighting[]> {
    return new Map(
      this.#wishes.map(({ door, files, acme }) => {
        const issued = acme && this.#renewals.find(acme)
        const kept = files.flatMap((each) => this.#kept.get(keyOf(each)) ?? [])
        return [
          door,
          [...kept.map(sightingOf), ...(issued === undefined ? [] : [issuedOf(issued)])],
        ]
      }),
    )
  }

  async #tell(): Promise<void> {
    if (this.#over) return
    const { listener } = this.#options
    const certificates = [
      ...[...this.#kept.values()].map(({ loaded }) => loaded.pair),
      ...this.#renewals.pairs,
    ]
    const { challenges } = this.#renewals
    const told = listener.secrets({ certificates, tickets: this.#tickets.keys, challenges })
    listener.changed()
    await told
  }

  #later(): void {
    if (this.#over) return
    this.#timer = this.#options.clock.after(lookEvery, () => {
      this.#look().then(
        () => this.#later(),
        (thrown: unknown) => {
          this.#event('certificates-unwatched', 'certificates', describeError(thrown))
          this.#later()
        },
      )
    })
  }

  async #look(): Promise<void> {
    let isNew = false
    for (const kept of this.#kept.values()) isNew = this.#lookAt(kept) || isNew
    isNew = (await this.#tickets.turn(this.#options.clock.now())) || isNew
    if (isNew) void this.#tell()
    this.#warn()
    // Not sooner: an authority asks the edges, and those of a first file have hardly begun.
    if (this.#orders) this.#renewals.step(this.#options.clock.now())
  }

  /** A pair is exchanged in two steps: it is read once nothing about it has changed for a while. */
  #lookAt(kept: Kept): boolean {
    const stamp = stampOf(kept.files)
    const isQuiet = stamp === kept.lookStamp
    kept.lookStamp = stamp
    if (!isQuiet) return false
    if (stamp !== kept.readStamp) {
      kept.readStamp = stamp
      kept.problem = ''
      return this.#readAgain(kept)
    }
    // What could not be read may be readable now with nothing about the file being another.
    return kept.problem !== '' && this.#readAgain(kept)
  }

  /** True if it is another pair now. A problem is told once, however often it is met again. */
  #readAgain(kept: Kept): boolean {
    const { certificate } = kept.files
    try {
      const loaded = loadPair(kept.files)
      const isOther = loaded.pair.id !== kept.loaded.pair.id
      kept.problem = ''
      kept.loaded = loaded
      if (!isOther) return false
      kept.standing = undefined
      this.#event('certificate-exchanged', certificate, 'its file holds another one now')
      return true
    } catch (thrown) {
      const problem = describeError(thrown)
      if (kept.problem === problem) return false
      kept.problem = problem
      const why = `${problem}; the one before is still shown`
      this.#event('certificate-refused', certificate, why)
      this.#options.listener.changed()
      return false
    }
  }

  /** Tells of an end that is near, once for each certificate. */
  #warn(): void {
    for (const kept of this.#kept.values()) {
      const { facts } = kept.loaded
      const { kind, why } = standingOf(facts, this.#options.clock.now())
      if (kind === kept.standing) continue
      kept.standing = kind
      if (kind === 'valid') continue
      const { names, until } = facts
      this.#event(`certificate-${kind}`, kept.files.certificate, why, { names, until })
    }
  }

  #event(
    rule: string,
    subject: string,
    why: string,
    seen: Readonly<Record<string, unknown>> = {},
  ): void {
    this.#options.listener.event(rule, subject, why, seen)
  }

  [Symbol.dispose](): void {
    this.#over = true
    this.#renewals[Symbol.dispose]()
    this.#timer?.[Symbol.dispose]()
  }
}

function issuedOf({ wish, loaded, isPlaceholder, problem }: Managed): CertificateSighting {
  const { names, issuer, from, until } = loaded.facts
  const waits = 'the authority has not answered yet: a placeholder is shown'
  return {
    ...{ id: loaded.pair.id, names, issuer, from, until, source: wish.directory },
    problem: problem === '' && isPlaceholder ? waits : problem,
  }
}

function sightingOf({ files, loaded, problem }: Kept): CertificateSighting {
  const { names, issuer, from, until } = loaded.facts
  return { id: loaded.pair.id, names, issuer, from, until, source: files.certificate, problem }
}
