// What a request, or in TCP mode a connection, may be asked by rules and policies.

/** Made out of what was received only when somebody asks. */
export interface Asked {
  /** The client's address. */
  readonly source: string
  readonly method: string
  /** Path and query, `''` in TCP mode. */
  readonly target: string
  /** The value of a field, its name in lower case; the first one when there are several. */
  field(name: string): string | undefined
}
