// What does the agent hear of a server's failures? Each kind, but not each one.

import type { TrafficSignal } from '../../../../health/model.ts'
import type { Outcome } from '../../../outliers.ts'
import type { Server } from './server.ts'
import type { Shared } from './shared.ts'

/** Signals of one kind about one server: at most one in this many milliseconds. */
const signalEvery = 100

/** Tells of what traffic met, so that a probe looks at once. */
export class Signals {
  readonly #shared: Shared
  readonly #told = new Map<string, number>()

  constructor(shared: Shared) {
    this.#shared = shared
  }

  tell(server: Server, outcome: Outcome): void {
    if (outcome === 'ok') return
    const key = `${server.row.id} ${outcome}`
    const { now } = this.#shared.deadlines
    if (now - (this.#told.get(key) ?? -signalEvery) < signalEvery) return
    this.#told.set(key, now)
    const signal: TrafficSignal = { server: server.row.id, at: this.#shared.now, kind: outcome }
    this.#shared.signal(signal)
  }
}
