// The port: how servers of one engine that somebody else set up are looked at, and made ready to be
// ours. Knows nothing of other members, nor of who starts and stops a server.

import type { EngineName, Position } from '../model.ts'
import type { AdoptedMember, RunningServer, Seal } from './model.ts'

/** An engine's part of a take-over. All reject with a Fault. */
export interface Adopter {
  readonly engine: EngineName
  /** The most that a replica may be behind: it is restarted, and has to come back soon. */
  readonly behindMost: { readonly at: number; readonly words: string }
  /** The signal that ends its server cleanly. */
  readonly endSignal: NodeJS.Signals
  /** What `home:` would be for the program of a server that runs; `undefined`: found by itself. */
  homeOf(program: string): string | undefined
  /** Looks over the network, as whom the file says. Changes nothing. */
  look(member: AdoptedMember, signal: AbortSignal): Promise<RunningServer>
  /** Fits what is inherited to what all of them have: a replica may need as much as its primary. */
  harmonise(servers: readonly RunningServer[]): readonly RunningServer[]
  /**
   * Of the primary, on its own machine: makes our accounts and lets them in. Nothing is restarted.
   * Done again where it was done before. What has to be known later is in the seal.
   */
  prepare(member: AdoptedMember, signal: AbortSignal): Promise<Seal>
  /**
   * Of a server that is ended next. Of a primary: from when this resolves no write is taken, or
   * whatever is taken reaches the others by the end. The seal says what it had.
   */
  beforeEnd(member: AdoptedMember, seal: Seal, signal: AbortSignal): Promise<Ending>
  /** Its data are in `data` now, and nothing runs: from here on it boots as a replica only. */
  settle(member: AdoptedMember, data: string, seal: Seal): void
  /** The epoch below which nothing of ours may begin: positions of before must be less. */
  lineOf(seal: Seal): Position['line']
}

/** What a server is ended with. */
export interface Ending extends AsyncDisposable {
  readonly seal: Seal
}
