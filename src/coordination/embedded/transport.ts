// How do bytes come and go? The port: connections that were accepted, as cheap as they get.
// Adapters: `transport-handles.ts` and `transport-net.ts`.

/** Who is told what happens on a connection. */
export interface WireListener {
  /** `bytes[0, length)` came. They are valid during the call only. */
  received(bytes: Buffer, length: number): void
  /** Everything that was sent is taken by the system: `unsent` is 0 again. */
  drained(): void
  /** The connection is over, whoever ended it; called once, also after `end` and `destroy`. */
  closed(): void
}

/** One accepted connection. Nothing is called back from within a method. */
export interface Wire {
  /** The other side's address. */
  readonly address: string
  readonly port: number
  /** The bytes that the system has not taken yet. */
  readonly unsent: number
  /**
   * Sends `bytes[0, length)`. False: the transport keeps `bytes` until they are sent, and the
   * caller must not touch them again.
   */
  send(bytes: Buffer, length: number): boolean
  pause(): void
  resume(): void
  /** Closes after what was sent. */
  end(): void
  /** Closes now. */
  destroy(): void
}

/** A listening socket; disposing it takes no more connections, and leaves those it took alone. */
export interface Listening extends Disposable {
  readonly host: string
  /** The port it got: the one asked for, or the system's choice for 0. */
  readonly port: number
}

/**
 * Listens. Throws a Fault `in-use` when the port is somebody else's. A connection for which
 * `accept` returns `undefined` is closed at once.
 */
export type Listen = (
  host: string,
  port: number,
  accept: (wire: Wire) => WireListener | undefined,
) => Promise<Listening>
