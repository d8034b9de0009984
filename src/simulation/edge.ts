// One edge of a simulated machine: the real data path, over simulated sockets.

import { Edge } from '../balancing/engines/native/edge/edge.ts'
import type { EdgeMessage } from '../balancing/engines/native/protocol.ts'
import type { EdgeReport, ServerState, Table } from '../balancing/model.ts'
import type { Random } from '../foundation/random.ts'
import type { Clock } from '../foundation/time.ts'
import type { SimulatedNetwork, Stack } from './network.ts'

/** What an edge needs. */
export interface SimulatedEdgeParts {
  readonly clock: Clock
  readonly random: Random
  readonly network: SimulatedNetwork
  /** What it tells whoever is linked to it. */
  readonly tell: (message: EdgeMessage) => void
  /** It did something that may have left promises to settle. */
  readonly stirred: () => void
}

/** A process of the data path. */
export class SimulatedEdge {
  readonly number: number
  readonly #stack: Stack
  readonly #edge: Edge
  #table: Table = { version: 0, frontends: [], pools: [] }
  #alive = true

  constructor(number: number, { clock, random, network, tell, stirred }: SimulatedEdgeParts) {
    this.number = number
    this.#stack = network.open()
    const whileAlive: Clock = {
      now: () => clock.now(),
      after: (wait, wake) =>
        clock.after(wait, () => {
          if (!this.#alive) return
          wake()
          stirred()
        }),
    }
    const parts = { edge: number, transport: this.#stack, clock: whileAlive, random }
    this.#edge = new Edge({
      ...parts,
      tell: (message) => {
        if (this.#alive) tell(message)
      },
    })
  }

  get alive(): boolean {
    return this.#alive
  }

  /** The table that it routes by. */
  get table(): Table {
    return this.#table
  }

  report(): EdgeReport {
    return this.#edge.report()
  }

  /** Requests on a server at this moment. */
  activeOn(id: string): number {
    return this.report().servers[id]?.active ?? 0
  }

  /** What its table says of a server; `undefined` when it does not speak of it. */
  stateOf(id: string): ServerState | undefined {
    for (const { servers } of this.#table.pools) {
      const found = servers.find((server) => server.id === id)
      if (found !== undefined) return found.state
    }
    return undefined
  }

  /** Takes a table, unless it holds a newer one. */
  take(table: Table): void {
    if (!this.#alive || table.version < this.#table.version) return
    this.#table = table
    void this.#edge.apply(table)
  }

  /** Ends it, as SIGKILL does: what was on it is lost. */
  kill(): void {
    this.#alive = false
    this.#stack.kill()
  }
}
