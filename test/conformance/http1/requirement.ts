// What one row of the table of requirements holds.

import type { TableWish } from '../../support/edge-bed.ts'
import type { Scene } from './scene.ts'

/** The words of RFC 2119; `GUARD` is what no RFC asks for, but safety does. */
export type Level = 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'MAY' | 'GUARD'

/**
 * One requirement of HTTP/1.1 that binds an intermediary, or the server or client that it is on
 * each side, in our own words, and what shows that it is met.
 */
export interface Requirement {
  /** The name of its test. */
  readonly id: string
  /** RFC and section: `9112 6.3`. */
  readonly rfc: string
  readonly level: Level
  readonly says: string
  /** Where we do more, less or other than what is said: what, and why. */
  readonly but?: string
  /** Throws where the requirement (or what stands in `but`) is not met. */
  readonly proof: (on: Scene) => Promise<unknown>
  readonly wish?: TableWish
  /** Origins behind the edge; 1 unless said otherwise. */
  readonly servers?: number
}
