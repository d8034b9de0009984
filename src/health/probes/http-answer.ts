// Does this answer pass? Reads its status and, where the check asks, the beginning of its body.

import { ChunkScanner } from '../../wire/http1/chunked.ts'
import type { BodyCheck, Check } from '../model.ts'
import { type Head, readHead } from './head.ts'

type HttpCheck = Extract<Check, { kind: 'http' }>

type StatusHead = Extract<Head, { kind: 'status' }>

/** What one question came to. */
export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed' | 'unasked'; readonly reason: string }

/** A body is looked at, or read and dropped so that a server may finish, up to here. */
export const bodyBytesMost = 64 * 1024

/** Who hears what an answer came to. */
export interface AnswerListener {
  report(outcome: Outcome): void
}

/** Reads one answer piece by piece; it is reported once at most. */
export class HttpAnswer {
  readonly #check: HttpCheck
  readonly #listener: AnswerListener
  #text = ''
  #dropped = 0
  #body: BodyReader | undefined
  #isSettled = false

  constructor(check: HttpCheck, listener: AnswerListener) {
    this.#check = check
    this.#listener = listener
  }

  /** Takes what has come, as latin1; says `enough` when nothing more need be read. */
  take(chunk: string): 'more' | 'enough' {
    if (this.#body !== undefined) return this.#readBody(this.#body, chunk)
    if (this.#isSettled) {
      this.#dropped += chunk.length
      return this.#dropped > bodyBytesMost ? 'enough' : 'more'
    }
    this.#text += chunk
    const head = readHead(this.#text)
    if (head.kind === 'incomplete') return 'more'
    const text = this.#text
    this.#text = ''
    if (head.kind === 'malformed') return this.#end({ kind: 'failed', reason: head.reason })
    const outcome = statusOutcome(this.#check, head.status)
    const { body } = this.#check
    if (outcome.kind !== 'passed' || body === undefined) {
      this.#end(outcome)
      return this.#isWhole(head, text) ? 'enough' : 'more'
    }
    this.#body = new BodyReader(body, text.slice(head.fields, head.end))
    return this.#readBody(this.#body, text.slice(head.end))
  }

  /** Whether the body has come with the head: nothing is cut short by letting go. */
  #isWhole({ status, fields, end }: StatusHead, text: string): boolean {
    if (this.#check.method === 'HEAD' || status === 204 || status === 304) return true
    const length = lengthOf(text.slice(fields, end))
    return length !== undefined && text.length - end >= length
  }

  /** The server has closed. False if no answer had come. */
  ended(): boolean {
    if (this.#body !== undefined) this.#end(this.#body.outcome())
    return this.#isSettled
  }

  #readBody(body: BodyReader, chunk: string): 'more' | 'enough' {
    return body.take(chunk) ? this.#end(body.outcome()) : 'more'
  }

  #end(outcome: Outcome): 'enough' {
    if (!this.#isSettled) this.#listener.report(outcome)
    this.#isSettled = true
    return 'enough'
  }
}

function statusOutcome(check: HttpCheck, status: number): Outcome {
  const passes = check.expect.some(([least, most]) => status >= least && status <= most)
  if (passes) return { kind: 'passed' }
  const wanted = check.expect.map(([least, most]) => (least === most ? least : `${least}-${most}`))
  return { kind: 'failed', reason: `status ${status}, expected ${wanted.join(' or ')}` }
}

function lengthOf(fields: string): number | undefined {
  const length = /^content-length:[ \t]*(\d{1,15})[ \t]*\r$/im.exec(fields)?.[1]
  return length === undefined ? undefined : Number(length)
}

/** The first `bodyBytesMost` bytes of a body, freed of its chunks (RFC 9112 section 6). */
class BodyReader {
  readonly #check: BodyCheck
  readonly #pattern: RegExp | undefined
  readonly #scanner: ChunkScanner | undefined
  #left: number
  #body = ''

  constructor(check: BodyCheck, fields: string) {
    this.#check = check
    this.#pattern = check.matches === undefined ? undefined : new RegExp(check.matches)
    const length = lengthOf(fields)
    if (/^transfer-encoding:.*chunked[ \t]*\r$/im.test(fields)) this.#scanner = new ChunkScanner()
    this.#left = Math.min(bodyBytesMost, length ?? bodyBytesMost)
  }

  /** True when all is there that is looked at. */
  take(chunk: string): boolean {
    const data = this.#scanner === undefined ? chunk : dataOf(this.#scanner, chunk)
    const taken = data.slice(0, this.#left)
    this.#body += taken
    this.#left -= taken.length
    return this.#left === 0 || this.#scanner?.done === true || this.#scanner?.bad === true
  }

  outcome(): Outcome {
    const { contains, lacks } = this.#check
    const body = Buffer.from(this.#body, 'latin1').toString('utf8')
    const fail = (reason: string): Outcome => ({ kind: 'failed', reason })
    if (this.#scanner?.bad === true) return fail('its body has a malformed chunk')
    if (contains !== undefined && !body.includes(contains)) {
      return fail(`its body does not contain ${JSON.stringify(contains)}`)
    }
    if (lacks !== undefined && body.includes(lacks)) {
      return fail(`its body contains ${JSON.stringify(lacks)}`)
    }
    if (this.#pattern !== undefined && !this.#pattern.test(body)) {
      return fail(`its body does not match ${String(this.#pattern)}`)
    }
    return { kind: 'passed' }
  }
}

function dataOf(scanner: ChunkScanner, chunk: string): string {
  const bytes = Buffer.from(chunk, 'latin1')
  let data = ''
  for (let at = 0; at < bytes.length && !scanner.done && !scanner.bad; ) {
    at = scanner.scan(bytes, at, bytes.length, true)
    data += bytes.toString('latin1', scanner.dataStart, scanner.dataEnd)
  }
  return data
}
