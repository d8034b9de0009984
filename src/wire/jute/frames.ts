// Where does one message end and the next begin? Each is a frame: four bytes of length, then so
// many bytes. Cuts a stream into frames, and writes and reads what stands in one.

import { corrupt, Reader, type Writer } from './archive.ts'
import { type OperationName, operationName, operations, type RequestOf } from './messages.ts'
import { opcode, specialXid } from './opcodes.ts'
import {
  type ReplyHeader,
  type RequestHeader,
  replyHeader,
  requestHeader,
  type WatcherEvent,
  watcherEvent,
} from './records.ts'

/** The longest frame that ZooKeeper takes unless told otherwise: `jute.maxbuffer`, in bytes. */
export const frameBytesMost = 0xfffff

/** Takes the chunks of a stream and hands out the frames they complete. */
export interface FrameSplitter {
  /**
   * Calls `each` for every frame that is complete with this chunk, in order. The reader is the
   * same for all of them and its bytes stay valid only during the call. Throws a Fault `corrupt`
   * for a length below zero or over the limit; the stream cannot go on after that.
   */
  push(chunk: Buffer, each: (frame: Reader) => void): void
  /** The bytes held of a frame that is not complete; never more than arrived. */
  readonly held: number
}

/**
 * Cuts a stream into frames of at most `most` bytes. Frames that lie whole in a chunk are read in
 * place; the rest is copied into a buffer that grows with what arrives, not with what the length
 * announces, so that a lying length costs its sender the bytes.
 */
export function frameSplitter(most: number = frameBytesMost): FrameSplitter {
  const reader = new Reader()
  let held = Buffer.alloc(0)
  let count = 0

  const lengthAt = (bytes: Buffer, at: number): number => {
    const length = bytes.readInt32BE(at)
    if (length < 0 || length > most) {
      throw corrupt(`a frame of ${length} bytes, at most ${most} are taken`)
    }
    return length
  }
  const hold = (chunk: Buffer, from: number, to: number): void => {
    const needed = count + to - from
    if (needed > held.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, Math.min(held.length * 2, most + 4), 64))
      held.copy(grown, 0, 0, count)
      held = grown
    }
    chunk.copy(held, count, from, to)
    count = needed
  }
  /** Completes the frame that an earlier chunk began; returns how much of the chunk it took. */
  const complete = (chunk: Buffer, each: (frame: Reader) => void): number => {
    let at = 0
    if (count < 4) {
      at = Math.min(4 - count, chunk.length)
      hold(chunk, 0, at)
      if (count < 4) return at
    }
    const length = lengthAt(held, 0)
    const take = Math.min(length + 4 - count, chunk.length - at)
    hold(chunk, at, at + take)
    if (count === length + 4) {
      const frame = held
      held = Buffer.alloc(0)
      count = 0
      each(reader.open(frame, 4, length + 4))
    }
    return at + take
  }

  return {
    push(chunk, each) {
      let at = count > 0 ? complete(chunk, each) : 0
      while (chunk.length - at >= 4) {
        const end = at + 4 + lengthAt(chunk, at)
        if (end > chunk.length) break
        each(reader.open(chunk, at + 4, end))
        at = end
      }
      if (at < chunk.length) hold(chunk, at, chunk.length)
    },
    get held() {
      return count
    },
  }
}

/** Writes a request as one frame; returns the frame's length without its four bytes of length. */
export function writeRequest<N extends OperationName>(
  to: Writer,
  xid: number,
  name: N,
  request: RequestOf<N>,
): number {
  const { type, request: layout } = operations[name]
  const start = to.beginFrame()
  to.int(xid)
  to.int(type)
  const write = layout.write as (to: Writer, value: RequestOf<N>) => void
  write(to, request)
  return to.endFrame(start)
}

/** What a server takes from a frame after the handshake. */
export interface Request extends RequestHeader {
  /** `undefined`: no operation we know, and its body is left unread. */
  readonly name: OperationName | undefined
  readonly body: unknown
}

/** Reads a request: header and record. Throws a Fault `corrupt` if either is cut short or lies. */
export function readRequest(from: Reader): Request {
  const { xid, type } = requestHeader.read(from)
  const name = operationName(type)
  const body = name === undefined ? undefined : operations[name].request.read(from)
  return { xid, type, name, body }
}

/** What a client takes from a frame after the handshake, before it knows what it asked. */
export type Reply =
  | { readonly kind: 'event'; readonly header: ReplyHeader; readonly event: WatcherEvent }
  /** The record, if `header.error` is 0, is left to be read by whoever knows the operation. */
  | { readonly kind: 'answer'; readonly header: ReplyHeader }

/** Reads a reply's header, and the event of a notification. */
export function readReply(from: Reader): Reply {
  const header = replyHeader.read(from)
  return header.xid === specialXid.notification
    ? { kind: 'event', header, event: watcherEvent.read(from) }
    : { kind: 'answer', header }
}

/** Writes an answer as one frame; an error carries no record. */
export function writeReply<N extends OperationName>(
  to: Writer,
  header: ReplyHeader,
  name: N,
  body: unknown,
): number {
  const start = to.beginFrame()
  replyHeader.write(to, header)
  if (header.error === 0) (operations[name].response.write as Write)(to, body)
  return to.endFrame(start)
}

type Write = (to: Writer, value: unknown) => void

/** Writes a watch event as one frame. `zxid` is the transaction that fired it, or -1. */
export function writeEvent(to: Writer, zxid: bigint, event: WatcherEvent): number {
  const start = to.beginFrame()
  replyHeader.write(to, { xid: specialXid.notification, zxid, error: 0 })
  watcherEvent.write(to, event)
  return to.endFrame(start)
}

/** The names of the operations that change the tree, and so wait for a leader and a disk. */
export const writes: ReadonlySet<number> = new Set([
  opcode.create,
  opcode.create2,
  opcode.createContainer,
  opcode.createTTL,
  opcode.delete,
  opcode.deleteContainer,
  opcode.setData,
  opcode.setACL,
  opcode.multi,
  opcode.reconfig,
  opcode.closeSession,
])
