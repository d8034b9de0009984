// Who gets which session on a connection? A new one when the disk has it; an old one to who has its
// password, behind everything that the session asked for before.

import { opcode, passwordBytes } from '../../wire/jute/opcodes.ts'
import type { Answers } from './answers.ts'
import { entryKind } from './batch.ts'
import type { Clients } from './clients.ts'
import type { Connection } from './connection.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Hello } from './handshake.ts'
import type { ServerLimits } from './options.ts'
import { negotiatedTimeout, type Session } from './sessions.ts'
import type { Stager } from './stage.ts'
import type { Throttle } from './throttle.ts'
import type { State } from './transactions.ts'

/** What an admission works with. */
export interface AdmissionOptions {
  readonly state: State
  readonly limits: ServerLimits
  readonly clients: Clients
  readonly stager: Stager
  readonly commits: GroupCommit<Connection>
  readonly answers: Answers
  readonly throttle: Throttle
  /** So many random bytes, for a password. */
  readonly secret: (count: number) => Buffer
}

/** Gives connections their sessions. */
export class Admission {
  readonly #options: AdmissionOptions
  /** Connections that got their session with the batch that is carried out. */
  #fresh: Connection[] = []

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** A connection has said what it wants; `undefined`: it could not be read. */
  hello(connection: Connection, hello: Hello | undefined, nowMs: number): void {
    const { state, limits, clients } = this.#options
    if (hello === undefined || hello.seenZxid > state.tree.zxid) {
      // One who has seen more than we have must not go on here: time would run backwards for it.
      connection.drop()
      return
    }
    connection.knowsReadOnly = hello.knowsReadOnly
    clients.silent.delete(connection)
    connection.stage = 'opening'
    const timeoutMs = negotiatedTimeout(hello.timeoutMs, limits)
    if (hello.session !== 0) this.#reopen(connection, hello, timeoutMs, nowMs)
    else if (state.sessions.size < limits.sessionsMost) this.#open(connection, timeoutMs, nowMs)
    else connection.drop()
  }

  #open(connection: Connection, timeoutMs: number, nowMs: number): void {
    const { state, stager, commits, throttle, secret } = this.#options
    const id = state.sessions.nextId()
    stager.openSession({ id, timeoutMs, password: secret(passwordBytes) }, Math.floor(nowMs))
    throttle.waits(connection, commits.staged(connection, 0, opcode.createSession))
  }

  /** The disk has the session that was made last: it is this connection's. */
  opened(connection: Connection): void {
    const { opened } = this.#options.state
    if (opened !== undefined) this.#attach(connection, opened)
    this.#fresh.push(connection)
  }

  #reopen(connection: Connection, hello: Hello, timeoutMs: number, nowMs: number): void {
    const { state, clients, commits, throttle } = this.#options
    const { session: id, password } = hello
    const session = state.sessions.reopen(id, password, timeoutMs, nowMs)
    const { latest } = commits
    // Nothing more is taken from the connection it had: it could come behind what is waited for.
    if (session !== undefined) clients.attached.get(id)?.drop()
    if (session === undefined || latest === null) {
      this.#reattach(connection, session)
      return
    }
    // What the session asked on its old connection shows before anything it asks on the new one.
    latest.add(entryKind.reattach, connection, 0, 0, id)
    throttle.waits(connection, latest)
  }

  /** Everything that a session asked before is done: the connection gets it back. */
  reopened(connection: Connection, id: number): void {
    this.#reattach(connection, this.#options.state.sessions.get(id))
    this.#fresh.push(connection)
  }

  /** `undefined`, or a session that ends: the connection has none. */
  #reattach(connection: Connection, session: Session | undefined): void {
    const { answers, clients } = this.#options
    if (session === undefined || session.closing) {
      answers.welcome(connection, undefined)
      connection.end()
      return
    }
    // Another may have come for it meanwhile: the last one has it.
    clients.attached.get(session.id)?.drop()
    this.#attach(connection, session)
  }

  #attach(connection: Connection, session: Session): void {
    connection.session = session
    connection.stage = 'open'
    this.#options.clients.attached.set(session.id, connection)
    this.#options.answers.welcome(connection, session)
  }

  /** A batch was carried out: who got a session with it may have asked for more already. */
  carried(): void {
    const fresh = this.#fresh
    this.#fresh = []
    for (const connection of fresh) connection.takeHeld()
  }
}
