// What does a client ask to be written? Reads the requests that change the tree, without making
// objects for what stays in the frame.

import { createFlag, opcode } from '../../wire/jute/opcodes.ts'
import { readAclEntries, takeOpenAcl } from './acl.ts'
import type { Cursor } from './bytes.ts'

/** The ACL of a request: the open list, or what it wishes for. */
export type WishedAcl = 'open' | ReturnType<typeof readAclEntries>

/**
 * One request to write, as slices of the frame it came in. One object is used for all requests:
 * whatever outlives the call must be copied. A start of -1 stands for jute's null.
 */
export class WriteRequest {
  op = 0
  bytes: Buffer = Buffer.alloc(0)
  pathStart = -1
  pathEnd = -1
  dataStart = -1
  dataEnd = -1
  /** The version that the node must have; -1: any. */
  version = -1
  flags = 0
  /** Milliseconds; -1: none was given. */
  ttl = -1
  acl: WishedAcl = 'open'

  get path(): string {
    return this.bytes.toString('utf8', this.pathStart, this.pathEnd)
  }

  #path(from: Cursor): void {
    from.buffer()
    this.pathStart = from.start
    this.pathEnd = from.end
  }

  #data(from: Cursor): void {
    from.buffer()
    this.dataStart = from.start
    this.dataEnd = from.end
  }

  #acl(from: Cursor): void {
    this.acl = takeOpenAcl(from) ? 'open' : readAclEntries(from)
  }

  /** Reads the body of a request of type `op`; false if it is cut short or no such request. */
  read(from: Cursor, op: number): boolean {
    this.op = op
    this.bytes = from.bytes
    this.#path(from)
    switch (op) {
      case opcode.create:
      case opcode.create2:
      case opcode.createContainer:
      case opcode.createTTL:
        this.#data(from)
        this.#acl(from)
        this.flags = from.int()
        this.ttl = op === opcode.createTTL ? from.long() : -1
        break
      case opcode.setData:
        this.#data(from)
        this.version = from.int()
        break
      case opcode.setACL:
        this.#acl(from)
        this.version = from.int()
        break
      case opcode.delete:
      case opcode.check:
        this.version = from.int()
        break
      default:
        return false
    }
    return !from.bad
  }
}

/** The operations that may stand in a `multi`. */
const inMulti: ReadonlySet<number> = new Set([
  opcode.create,
  opcode.create2,
  opcode.createContainer,
  opcode.createTTL,
  opcode.delete,
  opcode.setData,
  opcode.check,
])

/** Where an operation of a multi begins, and what it is; `error`: it cannot be done. */
export interface MultiPart {
  readonly op: number
  readonly at: number
}

/**
 * Takes a `multi` apart, with one look at everything before anything is done; `undefined` if it is
 * cut short or holds what it may not (MultiOperationRecord.java).
 */
export function readMulti(
  from: Cursor,
  allowed: ReadonlySet<number> = inMulti,
  skip: (from: Cursor, op: number) => number | undefined = skipWrite,
): readonly MultiPart[] | undefined {
  const parts: MultiPart[] = []
  for (;;) {
    const op = from.int()
    const done = from.byte() !== 0
    from.int()
    if (from.bad) return undefined
    if (done) return parts
    if (!allowed.has(op)) return undefined
    const { at } = from
    const taken = skip(from, op)
    if (taken === undefined) return undefined
    parts.push({ op: taken, at })
  }
}

const skipped = new WriteRequest()

/**
 * Moves over one operation and says which it is. In a multi the flags of a node that is made decide
 * what it becomes, not the type of the operation, and no path may be null (Op.java).
 */
function skipWrite(from: Cursor, op: number): number | undefined {
  if (!skipped.read(from, op) || skipped.pathStart < 0) return undefined
  if (op === opcode.delete || op === opcode.setData || op === opcode.check) return op
  if (skipped.flags === createFlag.container) return opcode.createContainer
  if (!isTtl(skipped.flags)) return opcode.create
  // Apache finds only when it comes to it that such a record is not what its flags say.
  return op === opcode.createTTL ? op : opcode.error
}

/** Whether the flags of a node say that it has a time to live. */
export const isTtl = (flags: number): boolean =>
  flags === createFlag.ttl || flags === createFlag['ttl-sequential']
