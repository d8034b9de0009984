// Which servers have failed one request?

import type { Server } from '../edge/server.ts'

/** The servers of one request that are not asked again while others are left. */
export class TriedServers {
  /** `undefined` while there is none, which is nearly always. */
  avoid: Server[] | undefined
  #blamed: Server[] | undefined

  add(server: Server): void {
    this.avoid = [...(this.avoid ?? []), server]
    server.meter.redispatched += 1
  }

  /** It answered with an error. */
  blame(server: Server): void {
    this.#blamed = [...(this.#blamed ?? []), server]
    this.add(server)
  }

  /** The error goes to the client. If it came from several servers, none of them is at fault. */
  forgive(): void {
    const blamed = this.#blamed ?? []
    if (blamed.length > 1) for (const server of blamed) server.forgive()
  }

  forget(): void {
    this.avoid = undefined
    this.#blamed = undefined
  }
}
