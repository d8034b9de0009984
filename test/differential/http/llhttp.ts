// How does Node.js itself read a stream of requests: as it does by default, and at its laxest?

import { createRequire } from 'node:module'
import type { Reading, Understood } from './reading.ts'

/** What the parser inside Node.js offers; it is not public, and only tests reach for it. */
interface Parser {
  initialize(type: number, resource: object, headerBytesMost: number, lenient: number): void
  execute(bytes: Buffer): number | Error
  [callback: number]: (...args: readonly unknown[]) => number | undefined
}
interface ParserClass {
  new (): Parser
  readonly REQUEST: number
  readonly kLenientAll: number
  readonly kLenientNone: number
  readonly kOnHeaders: number
  readonly kOnHeadersComplete: number
  readonly kOnBody: number
  readonly kOnMessageComplete: number
}

const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as {
  readonly HTTPParser: ParserClass
  readonly methods: readonly string[]
}

/** Reads a stream as a server of Node.js does; `isLenient`: with `insecureHTTPParser`, and more. */
export function readByNode(text: string, isLenient: boolean): Reading {
  const requests: Understood[] = []
  const parser = new HTTPParser()
  const lenient = isLenient ? HTTPParser.kLenientAll : HTTPParser.kLenientNone
  parser.initialize(HTTPParser.REQUEST, {}, 128 * 1024, lenient)
  let [method, target, body, isOpen] = ['', '', '', false]
  // After trailers, the next head's target comes in pieces.
  let pieces = ''
  parser[HTTPParser.kOnHeaders] = (...told) => {
    pieces += (told[1] as string | undefined) ?? ''
    return 0
  }
  parser[HTTPParser.kOnHeadersComplete] = (...told) => {
    method = methods[told[3] as number] ?? ''
    target = (told[4] as string | undefined) ?? pieces
    pieces = ''
    body = ''
    isOpen = true
    return 0
  }
  parser[HTTPParser.kOnBody] = (bytes) => {
    body += (bytes as Buffer).toString('latin1')
    return 0
  }
  parser[HTTPParser.kOnMessageComplete] = () => {
    isOpen = false
    pieces = ''
    requests.push({ method, target, body, fields: [], end: 0 })
    return 0
  }
  const bytes = Buffer.from(text, 'latin1')
  const result = parser.execute(bytes)
  if (typeof result !== 'number') return { requests, rest: 'bad' }
  if (result < bytes.length) {
    // It stops behind an upgrade; a server that does not switch reads on.
    const more = readByNode(text.slice(result), isLenient)
    return { requests: [...requests, ...more.requests], rest: more.rest }
  }
  return { requests, rest: isOpen ? 'part' : 'none' }
}
