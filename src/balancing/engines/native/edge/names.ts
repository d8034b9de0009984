// Which address does this name have? Asked again now and then, because names move.

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { type Clock, ms } from '../../../../foundation/time.ts'

const again = ms(10_000)
const againAfterFailure = ms(1000)

/** Follows the addresses of names until it is disposed. */
export class Names implements Disposable {
  readonly #clock: Clock
  readonly #changed: () => void
  readonly #known = new Map<string, string>()
  readonly #following = new Map<string, Disposable>()
  #disposed = false

  /** `changed` is called whenever a name has got another address. */
  constructor(clock: Clock, changed: () => void) {
    this.#clock = clock
    this.#changed = changed
  }

  /** Follows exactly these hosts from now on. */
  follow(hosts: ReadonlySet<string>): void {
    for (const [name, timer] of this.#following) {
      if (hosts.has(name)) continue
      timer[Symbol.dispose]()
      this.#following.delete(name)
      this.#known.delete(name)
    }
    for (const name of hosts) {
      if (isIP(name) !== 0 || this.#following.has(name)) continue
      this.#following.set(name, { [Symbol.dispose]: () => undefined })
      void this.#resolve(name)
    }
  }

  /** The address of `host`, `undefined` while it is not known. An address is its own. */
  address(host: string): string | undefined {
    return isIP(host) === 0 ? this.#known.get(host) : host
  }

  /** What cannot be resolved now keeps the address it had. */
  async #resolve(name: string): Promise<void> {
    const found = await lookup(name).then(
      ({ address }) => address,
      () => undefined,
    )
    if (this.#disposed || !this.#following.has(name)) return
    const wait = found === undefined ? againAfterFailure : again
    this.#following.set(
      name,
      this.#clock.after(wait, () => void this.#resolve(name)),
    )
    if (found === undefined || found === this.#known.get(name)) return
    this.#known.set(name, found)
    this.#changed()
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    for (const timer of this.#following.values()) timer[Symbol.dispose]()
    this.#following.clear()
  }
}
