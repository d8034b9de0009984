// How does a session come to its server? In the clear, or under TLS where that is one of our
// cluster: both protocols begin in the clear, and ask for it by words of their own.

import { dial } from '../edge/dial.ts'
import type { Pool } from '../edge/pool.ts'
import type { Server } from '../edge/server.ts'
import type { Shared } from '../edge/shared.ts'
import type { Connection, ConnectionOwner, SecuredConnection } from '../transport/transport.ts'
import type { Ask } from './talk.ts'

/** `S`: the server goes on under TLS (55.2.10 of PostgreSQL's manual). */
const goesOn = 0x53
const noBytes: Buffer = Buffer.alloc(0)

/** One connection to a server; its owner hears of it when it can be talked to. */
export class Upstream {
  readonly #shared: Shared
  readonly #host: string
  readonly #ask: Ask | undefined
  readonly #owner: ConnectionOwner
  #connection: Connection
  /** What has been said and could not be passed on. */
  #said = noBytes
  #phase: 'clear' | 'shaking' | 'ready'
  #isOver = false

  /** Begins to connect: only a server whose address is known is ever picked. */
  constructor(shared: Shared, pool: Pool, server: Server, ask: Ask, owner: ConnectionOwner) {
    const isOurs = pool.row.isCluster === true
    this.#shared = shared
    this.#host = server.row.host
    this.#owner = owner
    this.#ask = isOurs ? ask : undefined
    this.#phase = isOurs ? 'clear' : 'ready'
    const first = isOurs ? this.#inTheClear() : owner
    this.#connection = dial(shared.transport, pool, server, first)
  }

  get connection(): Connection {
    return this.#connection
  }

  /** Says this to the server: what it is told first may have to wait until TLS is begun with it. */
  say(words: Uint8Array): void {
    if (this.#phase === 'ready') return this.#connection.writeBytes(words)
    this.#said = Buffer.concat([this.#said, words])
    if (this.#phase === 'shaking' || this.#ask?.kind !== 'with-response') return
    const asked = this.#ask.read(this.#said)
    if (asked === undefined) return
    this.#said = asked.response
    this.#connection.writeBytes(asked.request)
    this.#shake()
  }

  /** Passes on what has just come from a client, or keeps it. */
  take(client: Connection, bytes: Buffer, end: number): void {
    if (this.#phase === 'ready') client.passOn(this.#connection, bytes, 0, end)
    else this.say(bytes.subarray(0, end))
  }

  close(): void {
    this.#isOver = true
    this.#connection.close()
  }

  #inTheClear(): ConnectionOwner {
    const owner = this.#owner
    const ask = this.#ask as Ask
    return {
      connected: () => {
        if (ask.kind === 'first') this.#connection.writeBytes(ask.request)
        else owner.connected()
      },
      received: (bytes, end) => {
        if (ask.kind !== 'first') return owner.received(bytes, end)
        if (end === 1 && bytes[0] === goesOn) this.#shake()
        else this.#fail('it does not speak TLS')
      },
      ended: () => this.#fail('it closed the connection'),
      drained: () => undefined,
      unwritable: (code) => this.#fail(code),
      failed: (code) => this.#fail(code),
    }
  }

  #shake(): void {
    const trust = this.#shared.sessions.trustAt(this.#host)
    if (trust === undefined) return this.#fail('this machine has no keys')
    this.#phase = 'shaking'
    const { context, serverName } = trust
    const security = { context, serverName, first: undefined, alpn: undefined }
    this.#connection = this.#shared.transport.secure(
      this.#connection,
      { side: 'client', ...security },
      {
        secured: (connection) => this.#secured(connection, trust.verify),
        failed: (code) => this.#fail(code),
      },
    )
  }

  #secured(connection: SecuredConnection, name: string | undefined): ConnectionOwner {
    const why = name === undefined ? undefined : connection.distrust(name)
    // Not from within the engine, which has just said that it is done.
    process.nextTick(() => {
      if (this.#isOver) return
      if (why !== undefined) return this.#fail(why)
      this.#begin(connection)
    })
    return this.#owner
  }

  #begin(connection: Connection): void {
    const said = this.#said
    this.#said = noBytes
    this.#phase = 'ready'
    this.#ask?.secured()
    if (said.length > 0) connection.writeBytes(said)
    if (this.#ask?.kind === 'first') this.#owner.connected()
  }

  #fail(why: string): void {
    if (this.#isOver) return
    this.close()
    this.#owner.failed(why)
  }
}
