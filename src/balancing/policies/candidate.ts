// What a policy may know about a server: its weight, its load, its turn, and a number for its
// name. No address, no health.

/** One server that can take a request now. Policies change nothing but `turn`. */
export interface Candidate {
  /** Above zero. */
  readonly weight: number
  /** Requests on it at this moment. */
  readonly active: number
  /** How much it is owed in a smooth weighted round; kept between picks. */
  turn: number
  /** `hash32` of its name: the same in every edge, and the same after a restart. */
  readonly seed: number
}
