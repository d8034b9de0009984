// A connection of ours as a stream of the runtime: what its HTTP/2 wants to read from and write to.

import { Duplex } from 'node:stream'
import type { Connection, ConnectionOwner } from '../transport/transport.ts'

type Done = (error?: Error | null) => void

/**
 * Takes a connection over. What has been read of it already is `first`. Reading stops while the
 * other end of the stream has enough; a write is done when the system has taken it.
 */
export class ConnectionStream extends Duplex implements ConnectionOwner {
  readonly #connection: Connection
  readonly #heard: () => void
  #written: Done | undefined

  constructor(connection: Connection, first: Buffer | undefined, heard: () => void) {
    super({ allowHalfOpen: true })
    this.#connection = connection
    this.#heard = heard
    if (first !== undefined) this.push(first)
  }

  received(bytes: Buffer, end: number): void {
    this.#heard()
    if (!this.push(Buffer.from(bytes.subarray(0, end)))) this.#connection.pause()
  }

  ended(): void {
    this.push(null)
  }

  drained(): void {
    const done = this.#written
    this.#written = undefined
    done?.()
  }

  unwritable(code: string): void {
    this.failed(code)
  }

  failed(code: string): void {
    this.destroy(Object.assign(new Error(`the connection broke: ${code}`), { code }))
  }

  connected(): void {}

  override _read(): void {
    this.#connection.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#connection.writeBytes(chunk)
    this.#settle(done)
  }

  /** Many frames of one turn go out in one write. */
  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: Done): void {
    this.#connection.writeBytes(Buffer.concat(chunks.map(({ chunk }) => chunk)))
    this.#settle(done)
  }

  #settle(done: Done): void {
    if (this.#connection.pending === 0) done()
    else this.#written = done
  }

  override _final(done: Done): void {
    this.#connection.end()
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    if (error === null) this.#connection.close()
    else this.#connection.reset()
    this.drained()
    done(null)
  }
}
