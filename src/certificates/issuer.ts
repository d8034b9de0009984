// The port: an authority that issues certificates to whoever can show that a name is theirs.

import type { Challenge } from '../balancing/model.ts'
import type { AcmeWish } from './model.ts'
import type { PemPair } from './placeholder.ts'
import type { SecretStore } from './store.ts'

/** How names are shown to be ours: the edges answer for it. */
export interface Proof {
  /** Resolves once every edge can answer. */
  show(challenge: Challenge): Promise<void>
  hide(challenge: Challenge): Promise<void>
}

/** An authority (RFC 8555). */
export interface Issuer {
  /**
   * A new certificate with a new key; the account at the authority is kept in `store`. Rejects with
   * what the authority, or the way to it, said (a Fault `unreachable`), or soon after the signal is
   * aborted with its reason: nothing of the order goes on then.
   */
  issue(wish: AcmeWish, proof: Proof, store: SecretStore, signal: AbortSignal): Promise<PemPair>
}
