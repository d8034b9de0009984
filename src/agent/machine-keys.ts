// Which certificate does this machine show to the others? That of its keys, which may be replaced
// by renewed ones at any moment: they are read anew, and whoever shows them is told.

import { type MachineKeys, readKeys } from '../control/doors/keys.ts'
import type { MachineCertificate } from '../databases/member-tls.ts'
import { describeError } from '../foundation/fault.ts'
import { type Clock, type Milliseconds, ms } from '../foundation/time.ts'

/** What they are watched with. */
export interface MachineKeysOptions {
  readonly path: string
  /** As they were read last. */
  readonly keys: MachineKeys
  readonly clock: Clock
  readonly event: (rule: string, why: string) => void
  /** For tests. */
  readonly every?: Milliseconds
}

const readEvery = ms(5000)

/** Keys that are kept in view until they are disposed. */
export class WatchedKeys implements Disposable {
  readonly #options: MachineKeysOptions
  readonly #listeners = new Set<() => void>()
  #keys: MachineKeys
  #timer: Disposable | undefined
  #trouble = ''
  #isOver = false

  constructor(options: MachineKeysOptions) {
    this.#options = options
    this.#keys = options.keys
    this.#later()
  }

  /** The certificate as it is now. */
  readonly certificate = (): MachineCertificate => this.#keys

  /** Called when it has become another one. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  #later(): void {
    const { clock, every = readEvery } = this.#options
    this.#timer = clock.after(every, () => void this.#look())
  }

  async #look(): Promise<void> {
    try {
      this.#take(await readKeys(this.#options.path))
    } catch (thrown) {
      this.#refuse(describeError(thrown))
    }
    if (!this.#isOver) this.#later()
  }

  #take(read: MachineKeys | undefined): void {
    if (read === undefined) return this.#refuse(`${this.#options.path} is gone`)
    const known = this.#keys
    const isSame = (['cluster', 'machine', 'secret'] as const).every(
      (field) => read[field] === known[field],
    )
    if (!isSame) {
      return this.#refuse(`${this.#options.path} is of another machine, or of another cluster`)
    }
    this.#trouble = ''
    if (read.cert === known.cert && read.key === known.key && read.ca === known.ca) return
    this.#keys = read
    this.#options.event('keys-renewed', 'the machine has a new certificate')
    for (const listener of this.#listeners) listener()
  }

  /** What was read before goes on being shown. */
  #refuse(why: string): void {
    if (why !== this.#trouble) this.#options.event('keys-refused', why)
    this.#trouble = why
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#timer?.[Symbol.dispose]()
  }
}
