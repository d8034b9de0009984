// What is in a message of HTTP/1.1 that this process wrote itself, piece by piece?

import { ChunkScanner } from '../../../../wire/http1/chunked.ts'
import { latin1 } from '../../../../wire/latin1.ts'

/** Names in lower case and values, one after the other. */
export type Fields = readonly string[]

/**
 * What follows a head: another head (after an interim answer), nothing, the body that the fields
 * announce, or bytes without end (a tunnel).
 */
export type Follow = 'head' | 'nothing' | 'body' | 'bytes'

export type Announced = 'nothing' | 'body' | 'whole-body'

/** Told what is in the message. */
export interface MessageSink {
  /** The head, and what follows by its fields: a `whole-body` is at hand already. */
  head(start: string, fields: Fields, announced: Announced): Follow
  /** A piece of the body; `isLast` when its length was announced and is reached. */
  data(bytes: Buffer, isLast: boolean): void
  /** The end of a body in chunks. */
  bodyEnd(trailers: Fields): void
}

const inHead = 0
const sized = 1
const chunked = 2
const endless = 3
const over = 4

/** Reads one message. What it is given has been judged before: it need not be doubted. */
export class MessageReader {
  readonly #sink: MessageSink
  #state = inHead
  #start = ''
  #left = 0
  #scanner: ChunkScanner | undefined

  constructor(sink: MessageSink) {
    this.#sink = sink
  }

  /** Nothing more belongs to the message. */
  get isOver(): boolean {
    return this.#state === over
  }

  /** Takes text whose characters are bytes. */
  takeText(text: string): void {
    if (this.#state === inHead) this.#readHead(text)
    else this.take(Buffer.from(text, 'latin1'))
  }

  /** Takes bytes, which stay as they are. */
  take(bytes: Buffer): void {
    switch (this.#state) {
      case inHead:
        return this.#readHead(latin1(bytes, 0, bytes.length))
      case sized:
        return this.#readSized(bytes)
      case chunked:
        return this.#readChunks(this.#scanner as ChunkScanner, bytes)
      case endless:
        if (bytes.length > 0) this.#sink.data(bytes, false)
    }
  }

  #readHead(text: string): void {
    const all = this.#start + text
    const end = all.indexOf('\r\n\r\n')
    if (end < 0) {
      this.#start = all
      return
    }
    this.#start = ''
    const lines = all.slice(0, end).split('\r\n')
    const fields = fieldsOf(lines, 1)
    const announced = this.#announced(fields, all.length - end - 4)
    const follow = this.#sink.head(lines[0] as string, fields, announced)
    this.#state = this.#stateAfter(follow)
    if (end + 4 < all.length) this.takeText(all.slice(end + 4))
  }

  #announced(fields: Fields, atHand: number): Announced {
    this.#left = Number(fieldOf(fields, 'content-length') ?? 0)
    this.#scanner =
      fieldOf(fields, 'transfer-encoding') === undefined ? undefined : new ChunkScanner()
    if (this.#scanner !== undefined) return 'body'
    if (this.#left === 0) return 'nothing'
    return this.#left <= atHand ? 'whole-body' : 'body'
  }

  #stateAfter(follow: Follow): number {
    if (follow === 'head') return inHead
    if (follow === 'bytes') return endless
    if (follow === 'nothing') return over
    return this.#scanner === undefined ? sized : chunked
  }

  #readSized(bytes: Buffer): void {
    const taken = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes
    this.#left -= taken.length
    if (this.#left === 0) this.#state = over
    if (taken.length > 0) this.#sink.data(taken, this.#left === 0)
  }

  #readChunks(scanner: ChunkScanner, bytes: Buffer): void {
    for (let at = 0; at < bytes.length && !scanner.done && !scanner.bad; ) {
      at = scanner.scan(bytes, at, bytes.length, true)
      const { dataStart, dataEnd } = scanner
      if (dataEnd > dataStart) this.#sink.data(bytes.subarray(dataStart, dataEnd), false)
    }
    if (scanner.bad) throw new Error('broken invariant: we wrote a malformed chunk')
    if (!scanner.done) return
    this.#state = over
    this.#sink.bodyEnd(fieldsOf(scanner.trailers.split('\r\n'), 0))
  }
}

/** The lines from `first` on, as names and values; what is empty is no line. */
function fieldsOf(lines: readonly string[], first: number): Fields {
  const fields: string[] = []
  for (let at = first; at < lines.length; at += 1) {
    const line = lines[at] as string
    const colon = line.indexOf(':')
    if (colon > 0) fields.push(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  return fields
}

/** The value of the first field of this name. */
export function fieldOf(fields: Fields, name: string): string | undefined {
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] === name) return fields[at + 1]
  }
  return undefined
}
