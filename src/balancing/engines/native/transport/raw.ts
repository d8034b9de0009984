// The transport on the runtime's own socket handles: a third less work a request than node:net.

import type { Bind } from '../../../model.ts'
import { Outbox } from './outbox.ts'
import {
  type ListenHandle,
  openBindings,
  type RawBindings,
  type WriteRequest,
} from './raw-bindings.ts'
import { BufferStore } from './raw-buffers.ts'
import { RawConnection } from './raw-connection.ts'
import { dialTo, refused } from './raw-system.ts'
import { RawTlsConnection } from './raw-tls.ts'
import { dialSecure } from './raw-tls-dial.ts'
import { TlsTurns } from './tls-output.ts'
import {
  backlog,
  type Connection,
  type ConnectionOwner,
  keepAliveAfter,
  type Listener,
  type SecureListener,
  type Security,
  type Transport,
  type Trust,
} from './transport.ts'
import { unowned } from './unowned.ts'

/** A listener whose handle can be given to another process. */
export interface RawListener extends Listener {
  readonly handle: ListenHandle
}

type Accept = (connection: Connection) => ConnectionOwner

/** Told of a mistake of ours while a connection was served; that connection has been closed. */
type Faulted = (thrown: unknown) => void

/** The handles of the runtime as a `Transport`, with what a hand-over needs beside it. */
export class RawTransport implements Transport {
  readonly name = 'raw'
  readonly can = { sharePort: true, handOver: true } as const
  readonly bindings: RawBindings
  readonly buffers = new BufferStore()
  readonly outbox = new Outbox(() => this.buffers.turned())
  readonly turns: TlsTurns
  readonly faulted: Faulted
  /** Reused for every write that the system takes at once, which is nearly every one. */
  writeRequest: WriteRequest

  constructor(faulted: Faulted) {
    this.bindings = openBindings()
    this.turns = new TlsTurns(this.bindings)
    this.faulted = faulted
    this.writeRequest = this.newWriteRequest()
  }

  turn(): number {
    return this.outbox.turn()
  }

  newWriteRequest(): WriteRequest {
    const request = new this.bindings.WriteWrap()
    request.connection = undefined
    request.held = undefined
    request.oncomplete = written
    return request
  }

  secure(connection: Connection, security: Security, listener: SecureListener): Connection {
    if (!(connection instanceof RawConnection)) throw new Error('broken invariant: not our socket')
    const handle = connection.detach()
    const secured = new RawTlsConnection(this, handle, connection, security, listener)
    connection.guarded(() => secured.begin(security.first))
    return secured
  }

  connect(address: string, port: number, owner: ConnectionOwner): Connection {
    const handle = new this.bindings.TCP(this.bindings.tcp.socket)
    const connection = new RawConnection(this, handle, owner, address)
    dialTo(this.bindings, handle, address, port, (status) =>
      connection.guarded(() => connection.opened(status)),
    )
    return connection
  }

  connectSecure(address: string, port: number, owner: ConnectionOwner, trust: Trust): Connection {
    const handle = new this.bindings.TCP(this.bindings.tcp.socket)
    const plain = new RawConnection(this, handle, unowned, address)
    plain.detach()
    const { connection, opened } = dialSecure(this, handle, plain, owner, trust)
    dialTo(this.bindings, handle, address, port, opened)
    return connection
  }

  async listen(bind: Bind, accept: Accept): Promise<RawListener> {
    const { TCP, tcp } = this.bindings
    const handle = new TCP(tcp.server)
    const code = bind.host.includes(':')
      ? handle.bind6(bind.host, bind.port, tcp.reusePort)
      : handle.bind(bind.host, bind.port, tcp.reusePort)
    if (code !== 0) throw refused(handle, code, bind)
    return this.adopt(bind, handle, accept)
  }

  /** Listens with a handle that is bound already: by us, or by the edge it came from. */
  adopt(bind: Bind, handle: ListenHandle, accept: Accept): RawListener {
    handle.onconnection = (status, client) => {
      if (status !== 0 || client === undefined) return
      const connection = new RawConnection(this, client, unowned, undefined)
      connection.guarded(() => {
        connection.owner = accept(connection)
        connection.start()
      })
    }
    // What is accepted inherits both (tcp(7)): two system calls less for each connection.
    handle.setNoDelay(true)
    handle.setKeepAlive(true, keepAliveAfter)
    const code = handle.listen(backlog)
    if (code !== 0) throw refused(handle, code, bind)
    const name = { address: '', port: bind.port, family: '' }
    handle.getsockname(name)
    return { bind, port: name.port, handle, close: () => handle.close() }
  }
}

function written(this: WriteRequest, status: number): void {
  this.held = undefined
  this.connection?.wrote(status, this)
}
