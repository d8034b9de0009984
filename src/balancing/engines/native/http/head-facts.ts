// What rules ask of the request whose head has just been read: made out only when they ask.

import { findField } from '../../../../wire/http1/find-field.ts'
import type { RequestHead } from '../../../../wire/http1/request-line.ts'
import { word } from '../../../../wire/http1/tables.ts'
import { latin1 } from '../../../../wire/latin1.ts'
import type { Asked } from '../../../routing/asked.ts'
import { sourceOf } from '../edge/source.ts'
import type { Connection } from '../transport/transport.ts'

/** Field names of rules as bytes; there are as many as tables name. */
const words = new Map<string, Uint8Array>()

function wordOf(name: string): Uint8Array {
  const known = words.get(name)
  if (known !== undefined) return known
  const made = word(name)
  words.set(name, made)
  return made
}

/** A head of HTTP/1.1 behind `Asked`; one for all requests, valid until the next `read`. */
export class HeadFacts implements Asked {
  #connection: Connection | undefined
  #bytes: Buffer = Buffer.alloc(0)
  #head: RequestHead | undefined

  read(bytes: Buffer, head: RequestHead, connection: Connection): this {
    this.#bytes = bytes
    this.#head = head
    this.#connection = connection
    return this
  }

  get source(): string {
    return sourceOf(this.#connection?.peer ?? '')
  }

  get method(): string {
    const head = this.#head
    return head === undefined ? '' : latin1(this.#bytes, head.start, head.methodEnd)
  }

  get target(): string {
    const head = this.#head
    return head === undefined ? '' : latin1(this.#bytes, head.pathStart, head.targetEnd)
  }

  field(name: string): string | undefined {
    const head = this.#head
    if (head === undefined) return undefined
    return findField(this.#bytes, head.lineEnd, head.end, wordOf(name))
  }
}
