// What does an answer look like? The header that every answer has, and the bodies of the answers
// to writes; those of reads are written by `reads.ts`.

import { opcode } from '../../wire/jute/opcodes.ts'
import { putInt, putLong, type Sink } from './bytes.ts'
import type { Connection } from './connection.ts'
import { putWelcome } from './handshake.ts'
import type { Session } from './sessions.ts'
import type { Stats } from './stats.ts'
import { putFailures, putStat } from './transactions.ts'
import type { Tree } from './tree.ts'
import type { Znode } from './znode.ts'

/** The bytes before the body of an answer: length, xid, zxid, error. */
export const replyHeaderBytes = 20

/** Writes answers into the outputs of connections. */
export class Answers {
  /** The time of the turn under way. */
  nowMs = 0
  /** How long what is answered now has waited for the disk. */
  waitedMs = 0
  readonly #tree: Tree
  readonly #stats: Stats

  constructor(tree: Tree, stats: Stats) {
    this.#tree = tree
    this.#stats = stats
  }

  /** An answer without a body. */
  plain(connection: Connection, xid: number, op: number, error: number): void {
    const out = connection.output()
    this.finish(connection, out, out.room(replyHeaderBytes), xid, op, error)
  }

  /** An answer to what is no request to the tree, and so has no transaction. */
  aside(connection: Connection, xid: number, op: number, error: number): void {
    const out = connection.output()
    const at = out.room(replyHeaderBytes)
    this.finish(connection, out, at, xid, op, error)
    putLong(out.bytes, at + 8, 0)
  }

  /** Writes the header of an answer whose body is whole and begins behind `at`. */
  finish(
    connection: Connection,
    out: Sink,
    at: number,
    xid: number,
    op: number,
    error: number,
  ): void {
    const { zxid } = this.#tree
    const length = out.length - at - 4
    putInt(out.bytes, at, length)
    putInt(out.bytes, at + 4, xid)
    putLong(out.bytes, at + 8, zxid)
    putInt(out.bytes, at + 16, error)
    connection.packetsOut += 1
    connection.lastOp = op
    if (xid >= 0) connection.lastXid = xid
    connection.lastZxid = zxid
    connection.lastAnswerAt = this.nowMs
    connection.latency.add(this.waitedMs)
    this.#stats.latency.add(this.waitedMs)
    this.#stats.sent(length)
  }

  /** The answer to a write that was carried out; `results` are those of a multi. */
  written(
    connection: Connection,
    xid: number,
    op: number,
    node: Znode | null,
    results: Sink,
  ): void {
    const out = connection.output()
    const at = out.room(replyHeaderBytes)
    if (op === opcode.multi) out.raw(results.bytes, 0, results.length)
    else if (node !== null) putBody(out, op, node)
    this.finish(connection, out, at, xid, op, 0)
  }

  /** The answer to a multi of which nothing was done. Its header says that all is well. */
  failedMulti(connection: Connection, xid: number, errors: readonly number[]): void {
    const out = connection.output()
    const at = out.room(replyHeaderBytes)
    putFailures(out, errors)
    this.finish(connection, out, at, xid, opcode.multi, 0)
  }

  /** The answer to a connection's first frame; `undefined`: it has no session. */
  welcome(connection: Connection, session: Session | undefined): void {
    const out = connection.output()
    const at = out.length
    const welcome = session && {
      timeoutMs: session.timeoutMs,
      session: session.id,
      password: session.password,
    }
    putWelcome(out, welcome, connection.knowsReadOnly)
    connection.packetsOut += 1
    connection.lastOp = opcode.createSession
    connection.lastZxid = this.#tree.zxid
    connection.lastAnswerAt = this.nowMs
    this.#stats.sent(out.length - at - 4)
  }
}

function putBody(to: Sink, op: number, node: Znode): void {
  switch (op) {
    case opcode.create:
      to.buffer(node.path)
      return
    case opcode.create2:
    case opcode.createContainer:
    case opcode.createTTL:
      to.buffer(node.path)
      putStat(to, node)
      return
    case opcode.setData:
    case opcode.setACL:
      putStat(to, node)
      return
    default:
      return
  }
}
