// Whose server has gone, or is going? What is on it is told, once it is known where else it can go.

import type { TableServer } from '../../../model.ts'
import type { Server } from './server.ts'

/** The servers of one pool that the table being applied calls down, lets drain or leaves out. */
export class Departures {
  readonly #down: Server[] = []
  readonly #draining: Server[] = []

  /** A server's row becomes `next` at `now`, in milliseconds lived. */
  changes(server: Server, next: TableServer, now: number): void {
    const before = server.row.state
    server.row = next
    if (before === next.state) return
    server.drainsSince = next.state === 'draining' ? now : Infinity
    if (next.state === 'down') this.#down.push(server)
    if (next.state === 'draining') this.#draining.push(server)
  }

  /** It stands in the table no more; what is on it is told only where that is to be cut. */
  leaves(server: Server): void {
    this.#down.push(server)
  }

  /** The table has been applied: says so to what is on them. */
  tell(): void {
    for (const server of this.#down.splice(0)) tellDown(server)
    for (const server of this.#draining.splice(0)) {
      for (const link of [...server.links]) link.serverDrains?.()
    }
  }
}

/** Says to everything on a server that it is down. */
export function tellDown(server: Server): void {
  for (const link of [...server.links]) link.serverDown()
}
