// What happens to a request? Reads are answered from what the disk has; writes wait for it in
// batches, and whatever a client sends behind a write waits with it, so that each client sees its
// own requests done in their order.

import type { Fault } from '../../foundation/fault.ts'
import { errorCode } from '../../wire/jute/errors.ts'
import { opcode, specialXid } from '../../wire/jute/opcodes.ts'
import { provedBy, withIdentities } from './acl.ts'
import { Admission } from './admission.ts'
import { Answers, replyHeaderBytes } from './answers.ts'
import { type Batch, type Entry, entryKind, type Held } from './batch.ts'
import { Cursor, getInt, Sink } from './bytes.ts'
import { Clients } from './clients.ts'
import type { Connection } from './connection.ts'
import { GroupCommit } from './group-commit.ts'
import { readHello } from './handshake.ts'
import type { ServerLimits } from './options.ts'
import { Reads } from './reads.ts'
import { readMulti } from './requests.ts'
import type { Session } from './sessions.ts'
import { Stager } from './stage.ts'
import { Stats } from './stats.ts'
import { Throttle } from './throttle.ts'
import type { State } from './transactions.ts'
import type { Wal } from './wal.ts'
import { way, wayOf } from './ways.ts'
import type { Znode } from './znode.ts'

const marshallingError = errorCode('marshalling-error')
const unimplemented = errorCode('unimplemented')
const authFailed = errorCode('auth-failed')
const sessionExpired = errorCode('session-expired')

/** What a service works with. */
export interface ServiceOptions {
  readonly state: State
  readonly wal: Wal
  readonly limits: ServerLimits
  /** The time in milliseconds since 1970; never backwards. */
  readonly now: () => number
  /** Calls back when what came at the same time has been read. */
  readonly defer: (run: () => void) => void
  /** So many random bytes, for a password. */
  readonly secret: (count: number) => Buffer
  /** The digest identity that may do everything: `super:…`, as `digestIdentity` makes it. */
  readonly superDigest: string | undefined
  /** The answer to a four-letter word; `undefined` if it is none. */
  readonly word: (word: number) => string | undefined
  /** A batch was carried out. */
  readonly carried: () => void
  /** Nothing can become safe any more. */
  readonly failed: (fault: Fault) => void
}

/** So many overdue nodes are deleted in one go (`znode.container.maxPerMinute`). */
const overdueAtOnce = 10_000
/** A connection that proves more identities than this is up to no good. */
const identitiesMost = 100

/** Takes the body of answers that have none. */
const nowhere = new Sink(16)

/** A server without its sockets, its clock and its disk. */
export class Service {
  readonly state: State
  readonly limits: ServerLimits
  readonly stats = new Stats()
  readonly clients: Clients
  readonly commits: GroupCommit<Connection>
  /** When the turn under way began. */
  nowMs: number
  readonly #options: ServiceOptions
  readonly #stager: Stager
  readonly #reads: Reads
  readonly #answers: Answers
  readonly #from = new Cursor()
  readonly #throttle: Throttle
  /** The batch that the disk has, while it is carried out. */
  #carriedOut: Batch<Connection> | null = null
  readonly #admission: Admission

  constructor(options: ServiceOptions) {
    const { state, limits, wal, defer, now } = options
    this.#options = options
    this.state = state
    this.limits = limits
    this.nowMs = now()
    this.#stager = new Stager(state, limits, nowhere)
    this.#throttle = new Throttle(limits, () => this.#stager.pendingCost)
    this.#reads = new Reads(state.tree, limits.watchBytesMost)
    this.#answers = new Answers(state.tree, this.stats)
    this.clients = new Clients({
      limits,
      tree: state.tree,
      stats: this.stats,
      now,
      frame: (connection, bytes, from, to) => this.#frame(connection, bytes, from, to),
      word: options.word,
      turn: (nowMs) => this.#turn(nowMs),
    })
    this.commits = new GroupCommit<Connection>({
      state,
      stager: this.#stager,
      wal,
      defer,
      now,
      carrying: (batch) => this.#carrying(batch),
      carry: (entry, node, results) => this.#carry(entry, node, results),
      carried: (batch) => this.#carried(batch),
      failed: options.failed,
    })
    this.#admission = new Admission({
      state,
      limits,
      clients: this.clients,
      stager: this.#stager,
      commits: this.commits,
      answers: this.#answers,
      throttle: this.#throttle,
      secret: options.secret,
    })
  }

  #turn(nowMs: number): void {
    this.nowMs = nowMs
    this.#answers.nowMs = nowMs
  }

  // --- requests as they come

  #frame(connection: Connection, bytes: Buffer, from: number, to: number): void {
    this.stats.packetsIn += 1
    if (connection.stage === 'silent') {
      this.#admission.hello(connection, readHello(this.#from.over(bytes, from, to)), this.nowMs)
      return
    }
    const { session } = connection
    if (to - from < 8 || session === null) {
      connection.drop()
      return
    }
    session.heardAt = this.nowMs
    const how = wayOf(getInt(bytes, from + 4))
    const { behind } = connection
    if (behind !== null && (how === way.read || how === way.ping || how === way.unknown)) {
      const at = behind.held.length
      behind.held.raw(bytes, from, to)
      const held = { from: at, to: behind.held.length, who: connection.who }
      behind.add(entryKind.held, connection, 0, 0, held)
      this.#throttle.waits(connection, behind)
      return
    }
    this.#do(connection, session, how, bytes, from, to)
  }

  #do(
    connection: Connection,
    session: Session,
    how: number,
    bytes: Buffer,
    from: number,
    to: number,
  ): void {
    const xid = getInt(bytes, from)
    const op = getInt(bytes, from + 4)
    this.#from.over(bytes, from + 8, to)
    switch (how) {
      case way.read:
        this.#read(connection, session, xid, op)
        break
      case way.write:
        this.#write(connection, session, xid, op)
        break
      case way.multi:
        this.#multi(connection, session, xid)
        break
      case way.ping:
        this.#answers.plain(connection, specialXid.ping, op, 0)
        break
      case way.auth:
        this.#auth(connection, xid)
        break
      case way.close:
        this.#close(connection, session, xid)
        break
      default:
        this.#answers.aside(connection, xid, op, unimplemented)
        connection.end()
    }
  }

  #read(connection: Connection, session: Session, xid: number, op: number): void {
    if (session.closing) {
      this.#answers.plain(connection, xid, op, sessionExpired)
    } else if (op === opcode.setWatches || op === opcode.setWatches2) {
      // What it tells of the past comes before the answer, which has no body.
      const error = this.#reads.answer(op, this.#from, connection, nowhere)
      this.#answers.plain(connection, xid, op, error)
    } else {
      const out = connection.output()
      const at = out.room(replyHeaderBytes)
      const error = this.#reads.answer(op, this.#from, connection, out)
      if (error !== 0) out.length = at + replyHeaderBytes
      this.#answers.finish(connection, out, at, xid, op, error)
    }
  }

  #write(connection: Connection, session: Session, xid: number, op: number): void {
    const asker = { session, who: connection.who }
    const error = this.#stager.write(op, this.#from, asker, Math.floor(this.nowMs))
    if (error !== 0 || op === opcode.check) this.#refuse(connection, xid, op, error)
    else this.#throttle.waits(connection, this.commits.staged(connection, xid, op))
  }

  #multi(connection: Connection, session: Session, xid: number): void {
    const op = opcode.multi
    const parts = readMulti(this.#from)
    if (parts === undefined) {
      this.#refuse(connection, xid, op, marshallingError)
      return
    }
    const asker = { session, who: connection.who }
    const outcome = this.#stager.multi(parts, this.#from, asker, Math.floor(this.nowMs))
    const { latest } = this.commits
    if (outcome === 0) this.#throttle.waits(connection, this.commits.staged(connection, xid, op))
    else if (typeof outcome === 'number') this.#refuse(connection, xid, op, outcome)
    else if (latest === null) this.#answers.failedMulti(connection, xid, outcome)
    else {
      latest.add(entryKind.failedMulti, connection, xid, op, outcome)
      this.#throttle.waits(connection, latest)
    }
  }

  /** Answers an error once everything that it may depend on is safe. */
  #refuse(connection: Connection, xid: number, op: number, error: number): void {
    const { latest } = this.commits
    if (latest === null) {
      this.#answers.plain(connection, xid, op, error)
      return
    }
    latest.add(entryKind.refusal, connection, xid, op, error)
    this.#throttle.waits(connection, latest)
  }

  #auth(connection: Connection, xid: number): void {
    this.#from.int()
    const scheme = this.#from.text()
    const credentials = this.#from.text()
    if (this.#from.bad) {
      connection.drop()
      return
    }
    const proved = provedBy(scheme, credentials, this.#options.superDigest)
    if (proved === undefined || connection.who.length > identitiesMost) {
      this.#answers.aside(connection, xid, opcode.auth, authFailed)
      connection.end()
      return
    }
    connection.who = withIdentities(connection.who, proved)
    this.#answers.aside(connection, xid, opcode.auth, 0)
  }

  // --- sessions

  #close(connection: Connection, session: Session, xid: number): void {
    if (session.closing) {
      this.#answers.plain(connection, xid, opcode.closeSession, sessionExpired)
      connection.end()
      return
    }
    this.#stager.closeSession(session, Math.floor(this.nowMs))
    const { id } = session
    this.#throttle.waits(connection, this.commits.staged(connection, xid, opcode.closeSession, id))
  }

  /** Does what the time that has passed asks for; `passedMs` since it was done last. */
  tick(passedMs: number): void {
    this.#turn(this.#options.now())
    // A server that did not run could not hear anybody: its absence is not the sessions'.
    const { tickMs } = this.limits
    if (passedMs > 2 * tickMs) this.state.sessions.forgive(passedMs - tickMs)
    this.#expire()
    this.clients.dropSilent(this.nowMs)
    this.clients.endTurn()
  }

  /** Ends the sessions that were not heard for too long. */
  #expire(): void {
    for (const session of this.state.sessions.expired(this.nowMs)) {
      this.#stager.closeSession(session, Math.floor(this.nowMs))
      this.commits.staged(null, 0, opcode.closeSession, session.id)
      this.stats.expired += 1
    }
  }

  /** Deletes containers that are empty again, and nodes whose time is over: some at a time. */
  removeOverdue(): void {
    for (const node of this.state.tree.overdue(this.nowMs).slice(0, overdueAtOnce)) {
      if (!this.#stager.removeOverdue(node, Math.floor(this.nowMs))) continue
      this.commits.staged(null, 0, opcode.deleteContainer)
    }
  }

  // --- what the disk has

  #carry(entry: Entry<Connection>, node: Znode | null, results: Sink): void {
    const { connection, kind, op, xid, about } = entry
    if (connection === null || connection.stage === 'over') {
      if (op === opcode.closeSession) this.clients.attached.get(about as number)?.drop()
      return
    }
    connection.outstanding -= 1
    if (kind === entryKind.refusal) this.#answers.plain(connection, xid, op, about as number)
    else if (kind === entryKind.failedMulti) {
      this.#answers.failedMulti(connection, xid, about as readonly number[])
    } else if (kind === entryKind.held) this.#doHeld(connection, about as Held)
    else if (kind === entryKind.reattach) this.#admission.reopened(connection, about as number)
    else if (op === opcode.createSession) this.#admission.opened(connection)
    else {
      this.#answers.written(connection, xid, op, node, results)
      if (op === opcode.closeSession) connection.end()
    }
  }

  #doHeld(connection: Connection, { from, to, who }: Held): void {
    const { session } = connection
    const bytes = this.#carriedOut?.held.bytes
    if (session === null || connection.stage !== 'open' || bytes === undefined) return
    // What was proved after the request came does not count for it.
    const whoNow = connection.who
    connection.who = who
    this.#do(connection, session, wayOf(getInt(bytes, from + 4)), bytes, from, to)
    connection.who = whoNow
    connection.flushPiece()
  }

  #carrying(batch: Batch<Connection>): void {
    this.#carriedOut = batch
    this.#turn(this.#options.now())
    this.#answers.waitedMs = this.nowMs - batch.startedAt
  }

  #carried(batch: Batch<Connection>): void {
    this.#carriedOut = null
    this.#answers.waitedMs = 0
    for (const { connection } of batch.entries) {
      if (connection?.behind === batch) connection.behind = null
    }
    this.#admission.carried()
    this.#throttle.release()
    this.#options.carried()
    this.clients.endTurn()
  }
}
