// The port: the other machines that show the same certificates, where there are any. One orders at
// a time, all answer the authority, and all show what it issued.

import type { Challenge } from '../balancing/model.ts'
import type { SecretStore } from './store.ts'

/** Who hears what other machines do. */
export interface PeerListener {
  /**
   * Secrets of these names, or `challenges`, are others now; resolves once all edges of this
   * machine know.
   */
  changed(names: readonly string[]): Promise<void>
}

/** See the first line. */
export interface CertificatePeers {
  /** Challenges of other machines' orders. */
  readonly challenges: readonly Challenge[]
  /** From now on this one hears of changes. */
  hear(listener: PeerListener): void
  /** Resolves once what the others keep is kept here too, or has not come for two seconds. */
  settled(): Promise<void>
  /** What is kept here under this name is for all, unless they have something of that name. */
  offer(name: string): void
  /**
   * Runs `work` while no other machine runs work of this name. Its store holds what all of them
   * have written, and what is written there is for all. Rejects with a Fault `unreachable`, and
   * nothing is run, while the others cannot be asked.
   */
  alone<T>(name: string, work: (store: SecretStore) => Promise<T>): Promise<T>
  /** Resolves once the edges of every other machine whose agent takes part can answer. */
  show(challenge: Challenge): Promise<void>
  hide(challenge: Challenge): Promise<void>
}

/** For a machine without others; what it keeps is in `store`. */
export const noPeers = (store: SecretStore): CertificatePeers => ({
  challenges: [],
  hear: () => undefined,
  settled: () => Promise.resolve(),
  offer: () => undefined,
  alone: (_name, work) => work(store),
  show: () => Promise.resolve(),
  hide: () => Promise.resolve(),
})
