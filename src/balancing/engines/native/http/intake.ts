// Is a client being read from, or does it have to wait for us?

import type { Connection } from '../transport/transport.ts'

/** What we read of one client connection: stopped while there is nowhere to put it. */
export class Intake {
  readonly #connection: Connection
  isStopped = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  stop(): void {
    if (this.isStopped) return
    this.isStopped = true
    this.#connection.pause()
  }

  goOn(): void {
    if (!this.isStopped) return
    this.isStopped = false
    this.#connection.resume()
  }
}
