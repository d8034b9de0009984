// The port: a few small secrets that outlive every agent.

/** Keeps texts by name. A name is made of letters, digits, `.`, `-`, `_` and `/`. */
export interface SecretStore {
  /** `undefined` if there is none of that name. */
  read(name: string): Promise<string | undefined>
  /** Whole or not at all. */
  write(name: string, text: string): Promise<void>
}
