// Connections that are not yet what they want to be: each begins with a ClientHello, or ends soon.

import type { SecureContext } from 'node:tls'
import { protocolList, readClientHello } from '../../../../wire/tls/client-hello.ts'
import type { Expiring } from '../edge/deadlines.ts'
import type { Door, DoorClient } from '../edge/door.ts'
import type { Shared } from '../edge/shared.ts'
import type {
  Connection,
  ConnectionOwner,
  SecuredConnection,
  SecureListener,
} from '../transport/transport.ts'
import { chooseCertificate } from './choose.ts'
import type { Contexts } from './contexts.ts'

/**
 * Handshakes at once of one edge that have said hello and are not done: about 50 MiB. One more,
 * and the oldest gives way: an honest one takes a few round trips, a held one all the time it gets.
 */
const startedMost = 1000

/** What an authority speaks that asks whether a name is ours (RFC 8737 6.2). */
const acmeProtocol = 'acme-tls/1'

/** For whoever speaks HTTP to a port of TLS, so that a person sees why. */
const plainAnswer =
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 43\r\n' +
  'Connection: close\r\n\r\nThis port speaks TLS: use https, not http.\n'

/** Who takes a connection over once it is secured. */
type Admit = (connection: Connection) => ConnectionOwner

/** All handshakes of one edge. */
export class Handshakes {
  readonly shared: Shared
  readonly contexts: Contexts
  /** In the order in which they began. */
  readonly #started = new Set<Handshake>()

  constructor(shared: Shared, contexts: Contexts) {
    this.shared = shared
    this.contexts = contexts
  }

  /** Secures a connection that has just been accepted. */
  take(connection: Connection, door: Door, admit: Admit): ConnectionOwner {
    return new Handshake(connection, door, admit, this)
  }

  began(handshake: Handshake): void {
    this.#started.add(handshake)
    if (this.#started.size <= startedMost) return
    const [oldest] = this.#started
    oldest?.giveUp()
  }

  over(handshake: Handshake): void {
    this.#started.delete(handshake)
  }
}

class Handshake implements ConnectionOwner, Expiring, DoorClient, SecureListener {
  readonly isBusy = false
  #connection: Connection
  readonly #door: Door
  readonly #admit: Admit
  readonly #all: Handshakes
  readonly #place: number
  #first: Buffer | undefined
  #isOver = false

  constructor(connection: Connection, door: Door, admit: Admit, all: Handshakes) {
    this.#connection = connection
    this.#door = door
    this.#admit = admit
    this.#all = all
    const { deadlines } = all.shared
    this.#place = deadlines.take(this)
    deadlines.set(this.#place, door.row.headTimeout)
    door.connections += 1
    door.clients.add(this)
  }

  received(bytes: Buffer, end: number): void {
    const fresh = bytes.subarray(0, end)
    const first = Buffer.concat(this.#first === undefined ? [fresh] : [this.#first, fresh])
    this.#first = first
    const hello = readClientHello(first)
    if (hello.kind === 'incomplete') return
    if (hello.kind === 'other') return this.#refuse(first)
    const { contexts } = this.#all
    if (hello.protocols.includes(acmeProtocol)) return this.#prove(first, hello.serverName)
    // What holds now: the table may have changed since the connection was accepted.
    const { tls } = this.#door.row
    const certificate = tls && chooseCertificate(tls.certificates, hello.serverName)
    const context = certificate && contexts.find(certificate.id, tls.oldest)
    if (tls === undefined || context === undefined) return this.giveUp()
    const alpn = hello.protocols.length === 0 ? undefined : protocolList(tls.protocols)
    this.#begin(context, first, alpn, this)
  }

  #begin(
    context: SecureContext,
    first: Buffer,
    alpn: Buffer | undefined,
    listener: SecureListener,
  ): void {
    this.#all.began(this)
    const secured = this.#all.shared.transport.secure(
      this.#connection,
      { side: 'server', context, first, alpn, serverName: undefined },
      listener,
    )
    if (!this.#isOver) this.#connection = secured
  }

  /** An authority asks whether the name is ours: the handshake is the answer, nothing follows. */
  #prove(first: Buffer, name: string): void {
    const context = this.#all.contexts.findChallenge(name)
    if (context === undefined) return this.giveUp()
    this.#begin(context, first, protocolList([acmeProtocol]), {
      secured: (connection) => {
        this.#retire()
        const nothing = (): void => undefined
        // Not from within the engine, which has just said that it is done.
        process.nextTick(() => connection.close())
        return {
          ...{ connected: nothing, received: nothing, drained: nothing },
          ...{ ended: nothing, unwritable: nothing, failed: nothing },
        }
      },
      failed: () => this.#fail(),
    })
  }

  /** Not a word of TLS. */
  #refuse(first: Buffer): void {
    if (/^[A-Z]{3,7} /.test(first.toString('latin1', 0, 8))) this.#connection.write(plainAnswer)
    this.#connection.flush()
    this.#fail()
    this.#connection.close()
  }

  secured(connection: SecuredConnection): ConnectionOwner {
    this.#retire()
    this.#door.handshakes.done += 1
    if (connection.resumed) this.#door.handshakes.resumed += 1
    return this.#admit(connection)
  }

  #fail(): void {
    if (this.#isOver) return
    this.#door.handshakes.failed += 1
    this.#retire()
  }

  giveUp(): void {
    this.#fail()
    this.#connection.reset()
  }

  #retire(): void {
    this.#isOver = true
    this.#all.over(this)
    this.#all.shared.deadlines.give(this.#place)
    this.#door.connections -= 1
    this.#door.clients.delete(this)
  }

  /** A handshake that has begun may end: what comes after it is told to go. */
  leave(now: boolean): void {
    if (now) this.giveUp()
  }

  expired(): void {
    this.giveUp()
  }

  failed(): void {
    this.#fail()
  }

  ended(): void {
    this.giveUp()
  }

  unwritable(): void {
    this.giveUp()
  }

  connected(): void {}
  drained(): void {}
}
