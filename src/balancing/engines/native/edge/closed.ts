// A door or a service that is closed for maintenance: who is served all the same?

import { Networks } from '../../../../foundation/addresses.ts'
import type { Maintenance } from '../../../routing/model.ts'

/** A `Maintenance` made ready. */
export class Closed {
  /** The body of the answer; `undefined` when the door's own page will do. */
  readonly page: string | undefined
  readonly lines: string
  readonly #allow: Networks

  constructor({ page, retryAfterSeconds, allow }: Maintenance) {
    this.page = page
    this.lines = `Retry-After: ${retryAfterSeconds}\r\n`
    this.#allow = new Networks(allow)
  }

  /** Whether this client is turned away. */
  turnsAway(source: string): boolean {
    return !this.#allow.has(source)
  }
}
