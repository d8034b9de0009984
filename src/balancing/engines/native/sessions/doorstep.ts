// What does a client of a database want, before its session begins: TLS, a cancel, to log in?

import type { Expiring } from '../edge/deadlines.ts'
import type { Door, DoorClient } from '../edge/door.ts'
import type { Shared } from '../edge/shared.ts'
import type { Connection, ConnectionOwner } from '../transport/transport.ts'
import { cancelAt } from './cancel.ts'
import { Session } from './session.ts'
import type { Opener, Talk } from './talk.ts'

/**
 * Reads what a client says first, and gives the connection to a session. What is none is reset, and
 * who says nothing for as long as a head may take is closed.
 */
export class Doorstep implements ConnectionOwner, Expiring, DoorClient {
  readonly isBusy = false
  readonly #connection: Connection
  readonly #door: Door
  readonly #shared: Shared
  readonly #talk: Talk & Opener
  readonly #place: number
  #said: Buffer = Buffer.alloc(0)
  #isOver = false

  constructor(connection: Connection, door: Door, shared: Shared, talk: Talk & Opener) {
    this.#connection = connection
    this.#door = door
    this.#shared = shared
    this.#talk = talk
    this.#place = shared.deadlines.take(this)
    shared.deadlines.set(this.#place, door.row.headTimeout)
    door.connections += 1
    door.clients.add(this)
  }

  received(bytes: Buffer, end: number): void {
    this.#said = Buffer.concat([this.#said, bytes.subarray(0, end)])
    this.#read()
  }

  #read(): void {
    const opening = this.#talk.open(this.#said)
    switch (opening.kind) {
      case 'more':
        return
      case 'answer':
        this.#connection.write(opening.text)
        this.#said = this.#said.subarray(opening.used)
        if (this.#said.length > 0) this.#read()
        return
      case 'secure':
        return this.#secure(opening.used)
      case 'cancel':
        this.#connection.pause()
        return this.#cancel(opening.key)
      case 'bad':
        return this.#close(true)
      case 'session':
        return this.#begin(opening.used)
    }
  }

  /** What came in the clear behind the request is nobody's word (CVE-2021-23222). */
  #secure(used: number): void {
    if (this.#said.length > used) return this.#close(true)
    this.#connection.write('S')
    this.#leave()
    this.#connection.owner = this.#shared.secure(this.#connection, this.#door)
  }

  #begin(used: number): void {
    const rest = Buffer.from(this.#said.subarray(used))
    this.#leave()
    const session = new Session(this.#connection, this.#door, this.#shared, this.#talk, rest)
    this.#connection.owner = session
    session.begin()
  }

  /** Of a session that another edge has, only its first server is known by the key. */
  #cancel(key: string): void {
    const session = this.#shared.sessions.find(key)
    const pool = this.#door.only?.target
    if (pool === undefined) return this.#close(false)
    const all = [...pool.servers.values()]
    const at = session === undefined ? all : [session.server].filter((one) => one !== undefined)
    cancelAt(pool, at, session?.talk.serverKey ?? key, () => this.#close(false))
  }

  #leave(): void {
    this.#isOver = true
    this.#shared.deadlines.give(this.#place)
    this.#door.connections -= 1
    this.#door.clients.delete(this)
  }

  #close(broken: boolean): void {
    if (this.#isOver) return
    this.#leave()
    if (broken) this.#connection.reset()
    else this.#connection.close()
  }

  expired(): void {
    this.#close(false)
  }
  leave(): void {
    this.#close(false)
  }
  connected(): void {}
  drained(): void {}
  ended(): void {
    this.#close(false)
  }
  unwritable(): void {
    this.#close(false)
  }
  failed(): void {
    this.#close(false)
  }
}
