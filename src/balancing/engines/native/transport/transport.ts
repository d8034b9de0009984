// The port under the data path: connections that bytes come from and go to, as cheap as they get.

import type { SecureContext } from 'node:tls'
import type { Ends } from '../../../../foundation/addresses.ts'
import type { Bind } from '../../../model.ts'

/** Who is told what happens on a connection. Set anew when the connection changes its role. */
export interface ConnectionOwner {
  /** A connection that `connect` opened can be written to. */
  connected(): void
  /**
   * Bytes have come: `bytes` from 0 to `end`. They are valid during this call only; what is needed
   * later has to be copied, or given on with `passOn`.
   */
  received(bytes: Buffer, end: number): void
  /** The other side will send nothing more; writing may still be possible. */
  ended(): void
  /** Some of what was written before waits from now on: `pending` is not zero any more. */
  waits?(): void
  /** Everything written has been taken by the system: `pending` is zero again. */
  drained(): void
  /**
   * What was written cannot be delivered any more. Reading goes on: what the other side said
   * before it left is still to come, and then `ended` or `failed`.
   */
  unwritable(code: string): void
  /** The connection broke, or could not be opened. It has been closed; nothing more follows. */
  failed(code: string): void
}

/**
 * Seconds after which the system asks whether a silent client is still there (tcp(7)): its machine
 * may be gone without a word, and some doors bear hours of silence.
 */
export const keepAliveAfter = 60

/**
 * Connections that wait to be accepted: as many as the system allows (net.core.somaxconn, 4096).
 * Whoever finds no place asks again only after a second.
 */
export const backlog = 65_535

/**
 * One connection. Nothing is called back from within a method; after `close` or `reset` nothing is
 * called back at all.
 */
export interface Connection {
  owner: ConnectionOwner
  /** Writes that the system has not taken yet. Who writes on while it is not zero uses memory. */
  readonly pending: number
  /** Writes that the system has taken, in part or whole; `undefined` where it does not tell. */
  readonly written?: number
  /** The other side's address, `''` when it was gone before it could be asked. */
  readonly peer: string
  /** Whether it runs under TLS, and which protocol the handshake chose (ALPN); `''` for none. */
  readonly secure: boolean
  readonly alpnProtocol: string
  /** Both sides of it, or what `claim` said; `undefined` when it was gone before it was asked. */
  readonly ends: Ends | undefined
  /** A proxy before us has said who the client is: from now on that counts as `peer` and `ends`. */
  claim(ends: Ends): void
  /**
   * Writes each character as one byte (latin1), at the latest at the end of this turn of the loop.
   * What is kept until then is not `pending`; whoever needs to know how it went calls `flush`.
   */
  write(text: string): void
  /** Hands to the system what `write` has kept, and returns what is `pending` then. */
  flush(): number
  /** Writes `bytes`, which nobody may change before `drained`. */
  writeBytes(bytes: Uint8Array): void
  /**
   * Within `received`: writes `start` to `end` of the bytes just received to another connection,
   * without a copy where there is a way, and reads no more from this one until they are taken.
   */
  passOn(to: Connection, bytes: Buffer, start: number, end: number): void
  /** Reads no more from this one until the other's pending writes are taken. */
  waitFor(to: Connection): void
  /** What was passed on is complete: waits for the other no longer, unless `lent`. */
  settle(): void
  /** The system still writes out of this connection's buffer; it cannot be read from so long. */
  readonly lent: boolean
  /** Stops and goes on reading. */
  pause(): void
  resume(): void
  /** Sends FIN after what was written; reading goes on. */
  end(): void
  /** Closes at once. What the system has taken is delivered, what is pending or kept is not. */
  close(): void
  /** Closes at once and tells the other side that what it got is not whole (RST). */
  reset(): void
}

/** How a connection is to be secured (TLS). */
export interface Security {
  readonly side: 'server' | 'client'
  readonly context: SecureContext
  /** Of a server: what has been read already, which begins with a ClientHello. */
  readonly first: Uint8Array | undefined
  /** The protocols to choose from, or to offer, as they stand in the extension (RFC 7301 3.1). */
  readonly alpn: Buffer | undefined
  /** Of a client: the name to ask for (RFC 6066 3). */
  readonly serverName: string | undefined
}

/** How a connection of ours to a server is secured (TLS), and whether it is to be believed. */
export interface Trust {
  readonly context: SecureContext
  /** The name to ask for (RFC 6066 3). */
  readonly serverName: string | undefined
  /** The name or address that its certificate has to bear; `undefined` believes it anyway. */
  readonly verify: string | undefined
}

/** A connection after its handshake. */
export interface SecuredConnection extends Connection {
  /** The session of an earlier connection was taken up again. */
  readonly resumed: boolean
  /** Of a client: why the other side is not to be believed to be `name`; `undefined`: it is. */
  distrust(name: string): string | undefined
}

/** Who hears how a handshake went: one of the two is called, unless it is closed before. */
export interface SecureListener {
  /** It is done; returns whom the connection belongs to from now on. */
  secured(connection: SecuredConnection): ConnectionOwner
  /** It failed, and the connection has been closed. */
  failed(code: string): void
}

/** A listening socket. */
export interface Listener {
  readonly bind: Bind
  /** The port it got: the one asked for, or the system's choice for 0. */
  readonly port: number
  close(): void
}

/** What a transport can do, as data. */
export interface TransportAbilities {
  /** Several processes may listen at one address (SO_REUSEPORT). */
  readonly sharePort: boolean
  /** Listening sockets can be given to another process. */
  readonly handOver: boolean
}

/** Opens connections and listeners. */
export interface Transport {
  readonly name: string
  readonly can: TransportAbilities
  /** The number of this turn of the loop; where it is missing nobody counts them. */
  turn?(): number
  /** Begins to connect to an address (no name); `connected` or `failed` follows. */
  connect(address: string, port: number, owner: ConnectionOwner): Connection
  /**
   * Listens. Connections come as `accept` returns their owner for them. Rejects with what the
   * system said, with its code.
   */
  listen(bind: Bind, accept: (connection: Connection) => ConnectionOwner): Promise<Listener>
  /**
   * Begins to connect under TLS; `connected` or `failed` follows, `failed` also when the other side
   * is not whom it should be.
   */
  connectSecure(address: string, port: number, owner: ConnectionOwner, trust: Trust): Connection
  /**
   * Begins a TLS handshake over a connection of ours, which is of no use any more by itself. What
   * is returned can be closed while the handshake goes on.
   */
  secure(connection: Connection, security: Security, listener: SecureListener): Connection
}
