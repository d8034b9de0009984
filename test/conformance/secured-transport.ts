// A transport whose connections are all under TLS, so that it passes the suite of the plain ones.

import { createSecureContext } from 'node:tls'
import type {
  Connection,
  ConnectionOwner,
  Listener,
  Transport,
} from '../../src/balancing/engines/native/transport/transport.ts'
import { unowned } from '../../src/balancing/engines/native/transport/unowned.ts'
import type { Bind } from '../../src/balancing/model.ts'
import { sharedPair } from '../support/certificates.ts'

/** Secures each connection of `inner` before its owner hears of it. */
export function securedTransport(inner: Transport): Transport {
  const { certificate, key } = sharedPair()
  const context = createSecureContext({ cert: certificate, key })
  return {
    name: `${inner.name} under TLS`,
    can: inner.can,
    connectSecure: (address, port, owner, trust) =>
      inner.connectSecure(address, port, owner, trust),
    secure: (connection, security, listener) => inner.secure(connection, security, listener),
    listen(bind: Bind, accept: (connection: Connection) => ConnectionOwner): Promise<Listener> {
      return inner.listen(bind, (connection) => ({
        ...unowned,
        received: (bytes, end) => {
          const first = Buffer.from(bytes.subarray(0, end))
          const terms = { context, first, alpn: undefined, serverName: undefined } as const
          inner.secure(
            connection,
            { side: 'server', ...terms },
            { secured: accept, failed: () => undefined },
          )
        },
      }))
    },
    connect(address: string, port: number, owner: ConnectionOwner): Connection {
      return new Dialled(inner, address, port, owner)
    },
  }
}

/** A connection that is plain first; what is asked of it before it is secured is done later. */
class Dialled implements Connection {
  get ends(): Connection['ends'] {
    return this.#now.ends
  }

  claim(ends: NonNullable<Connection['ends']>): void {
    this.#now.claim(ends)
  }

  #owner: ConnectionOwner
  #now: Connection
  #paused = false

  constructor(inner: Transport, address: string, port: number, owner: ConnectionOwner) {
    this.#owner = owner
    const context = createSecureContext({})
    const terms = { context, first: undefined, alpn: undefined, serverName: undefined } as const
    this.#now = inner.connect(address, port, {
      ...unowned,
      failed: (code) => this.#owner.failed(code),
      connected: () => {
        this.#now = inner.secure(
          this.#now,
          { side: 'client', ...terms },
          {
            secured: (connection) => {
              this.#now = connection
              if (this.#paused) connection.pause()
              connection.owner = this.#owner
              this.#owner.connected()
              return this.#owner
            },
            failed: (code) => this.#owner.failed(code),
          },
        )
      },
    })
  }

  get owner(): ConnectionOwner {
    return this.#owner
  }
  set owner(owner: ConnectionOwner) {
    this.#owner = owner
    if (this.#now.secure) this.#now.owner = owner
  }
  get pending(): number {
    return this.#now.pending
  }
  get peer(): string {
    return this.#now.peer
  }
  get secure(): boolean {
    return this.#now.secure
  }
  get alpnProtocol(): string {
    return this.#now.alpnProtocol
  }
  get lent(): boolean {
    return this.#now.lent
  }
  write(text: string): void {
    this.#now.write(text)
  }
  flush(): number {
    return this.#now.flush()
  }
  writeBytes(bytes: Uint8Array): void {
    this.#now.writeBytes(bytes)
  }
  passOn(to: Connection, bytes: Buffer, start: number, end: number): void {
    this.#now.passOn(to, bytes, start, end)
  }
  waitFor(to: Connection): void {
    this.#now.waitFor(to)
  }
  settle(): void {
    this.#now.settle()
  }
  pause(): void {
    this.#paused = true
    this.#now.pause()
  }
  resume(): void {
    this.#paused = false
    this.#now.resume()
  }
  end(): void {
    this.#now.end()
  }
  close(): void {
    this.#now.close()
  }
  reset(): void {
    this.#now.reset()
  }
}
