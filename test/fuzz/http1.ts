// The parsers of HTTP/1.1: heads of requests and answers, chunks, and what we make of them.

import { answerText, requestText } from '../../src/balancing/engines/native/http/text.ts'
import type { Random } from '../../src/foundation/random.ts'
import { AnswerHead, answerBad, parseAnswerHead } from '../../src/wire/http1/answer-head.ts'
import { ChunkScanner } from '../../src/wire/http1/chunked.ts'
import { findField } from '../../src/wire/http1/find-field.ts'
import {
  answerLimits,
  type HeadLimits,
  headIncomplete,
  headRead,
  requestLimits,
} from '../../src/wire/http1/limits.ts'
import { parseRequestHead } from '../../src/wire/http1/request-head.ts'
import { RequestHead } from '../../src/wire/http1/request-line.ts'
import { word } from '../../src/wire/http1/tables.ts'
import { cuts, pieces, promise, same, type Target } from './target.ts'

const words = [
  ...['GET ', 'POST ', 'OPTIONS ', 'TRACE ', 'CONNECT ', 'HEAD ', ' HTTP/1.1\r\n', ' HTTP/1.0\r\n'],
  ...[
    'Host: a\r\n',
    'Content-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\n',
    'chunked',
    'gzip, ',
  ],
  ...['Connection: close, x\r\n', 'Connection: upgrade\r\nUpgrade: websocket\r\n', 'X: 1\r\n'],
  ...['Expect: 100-continue\r\n', 'Max-Forwards: 3\r\n', 'TE: trailers\r\n', 'Trailer: X\r\n'],
  ...['http://a', 'https://a:443/', '*', '/?q', 'Keep-Alive: 1\r\n', 'X-Forwarded-Proto: x\r\n'],
  ...['Date: x\r\n', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.0 304\r\n', '101', '204', '103', '426'],
] as const

const small: HeadLimits = { head: 300, line: 80, fields: 6 }

interface Parsed {
  readonly code: number
  readonly told: readonly unknown[]
}

const request = new RequestHead()
const other = new RequestHead()

const toldOf = (head: RequestHead): readonly unknown[] => [
  ...[head.start, head.methodEnd, head.targetStart, head.targetEnd, head.pathStart, head.lineEnd],
  ...[head.end, head.minor, head.isOwnVersion, head.hostStart, head.hostEnd, head.hasHost],
  ...[head.contentLength, head.chunked, head.keepAlive, head.upgradeStart, head.expectsContinue],
  ...[head.hopsLeft, head.idempotent, head.isHead, head.absolute],
  ...head.cuts.subarray(0, head.cutCount * 2),
]

function parseRequest(bytes: Buffer, to: number, limits: HeadLimits, head = request): Parsed {
  const code = parseRequestHead(bytes, 0, to, limits, head)
  return { code, told: code === headRead ? toldOf(head) : [] }
}

/** The whole says what every beginning of it says that says anything. */
function agreesWithBeginnings(
  whole: Parsed,
  input: Buffer,
  random: Random,
  parse: (bytes: Buffer, to: number) => Parsed,
): void {
  // Nothing beyond `to` counts, whatever stands there.
  const longer = Buffer.concat([input, Buffer.from('\r\n\r\nX: 1\r\n\r\n', 'latin1')])
  same(parse(longer, input.length), whole, 'bytes beyond the end count')
  for (const cut of cuts(input.length, random)) {
    const beginning = parse(input, cut)
    if (beginning.code !== headIncomplete) same(beginning, whole, `cut at ${cut}`)
  }
}

function inOrder(numbers: readonly number[], what: string): void {
  for (const [index, number] of numbers.entries()) {
    promise(index === 0 || number >= (numbers[index - 1] as number), `${what} out of order`)
  }
}

/** Cuts begin in rising order and lie among the fields; one may lie within another. */
function cutsHold(cuts: Int32Array, from: number, to: number): void {
  const starts = cuts.filter((_, index) => index % 2 === 0)
  inOrder([from, ...starts, to], 'cuts')
  for (const [index, start] of starts.entries()) {
    inOrder([start, cuts[index * 2 + 1] as number, to], 'a cut')
  }
}

const requestSeeds = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /x?y=1 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\nX: 1\r\n\r\nabcde',
  'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\n\r\n',
  'GET http://a/x HTTP/1.1\r\nHost: a\r\nConnection: close, X\r\nX: 1\r\nTE: trailers\r\n\r\n',
  'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 7\r\nExpect: 100-continue\r\n\r\n',
  '\r\nGET / HTTP/1.0\r\nX-Forwarded-Host: b\r\nKeep-Alive: 1\r\nCookie: a=1; b="2"\r\n\r\n',
]

const requestHead: Target = {
  name: 'request-head',
  seeds: requestSeeds,
  words,
  share: 1,
  check(input, random) {
    const limits = random.next() < 0.5 ? requestLimits : small
    const whole = parseRequest(input, input.length, limits)
    const { code } = whole
    promise([headRead, headIncomplete, 400, 414, 417, 431, 501, 505].includes(code), `code ${code}`)
    agreesWithBeginnings(whole, input, random, (bytes, to) =>
      parseRequest(bytes, to, limits, other),
    )
    if (code !== headRead) return `${code} ${code > 0 ? request.reason.replace(/\d+/g, 'n') : ''}`
    const { start, methodEnd, targetStart, pathStart, targetEnd, lineEnd, end } = request
    inOrder(
      [0, start, methodEnd, targetStart, pathStart, targetEnd, lineEnd, end, input.length],
      'ends',
    )
    cutsHold(request.cuts.subarray(0, request.cutCount * 2), lineEnd, end)
    passesOn(input, request)
    return `${request.absolute} ${request.chunked} ${request.keepAlive} ${request.cutCount}`
  },
}

/** What goes up for it is a request that says the same, and goes up again as it is. */
function passesOn(input: Buffer, head: RequestHead): void {
  findField(input, head.lineEnd, head.end, word('cookie'))
  const wasChunked = head.chunked
  const length = head.contentLength
  const lines = head.hasHost ? '' : 'Host: made\r\n'
  const sent = Buffer.from(requestText(input, head, lines), 'latin1')
  const code = parseRequestHead(sent, 0, sent.length, { ...requestLimits, head: 1e6 }, other)
  promise(code === headRead, `what goes up is refused: ${code} ${other.reason}`)
  promise(other.end === sent.length, 'what goes up holds more than one head')
  promise(other.isOwnVersion && !other.absolute, 'what goes up is not ours')
  same(
    [other.chunked, other.contentLength],
    [wasChunked, length],
    'what goes up is framed otherwise',
  )
  same(requestText(sent, other, ''), sent.toString('latin1'), 'what goes up does not pass again')
}

const answer = new AnswerHead()
const otherAnswer = new AnswerHead()

function parseAnswer(bytes: Buffer, to: number, limits: HeadLimits, head = answer): Parsed {
  const code = parseAnswerHead(bytes, 0, to, limits, head)
  const { lineEnd, end, minor, status, contentLength, chunked, keepAlive, hasDate } = head
  const told = [lineEnd, end, minor, status, contentLength, chunked, keepAlive, hasDate]
  const cut = head.cuts.subarray(0, head.cutCount * 2)
  return { code, told: code === headRead ? [...told, head.upgradeStart, ...cut] : [] }
}

const answerHead: Target = {
  name: 'answer-head',
  seeds: [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: x\r\n\r\nabcde',
    'HTTP/1.0 304\r\nConnection: keep-alive, X\r\nX : 1\r\nETag: "a"\r\n\r\n',
    'HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: 1\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 204 No\r\nContent-Length \t: 0\r\n\r\n',
  ],
  words,
  share: 1,
  check(input, random) {
    const limits = random.next() < 0.5 ? answerLimits : small
    const whole = parseAnswer(input, input.length, limits)
    promise([headRead, headIncomplete, answerBad].includes(whole.code), `code ${whole.code}`)
    agreesWithBeginnings(whole, input, random, (bytes, to) =>
      parseAnswer(bytes, to, limits, otherAnswer),
    )
    if (whole.code !== headRead) return `${whole.code} ${answer.reason.replace(/\d+/g, 'n')}`
    inOrder([0, answer.lineEnd, answer.end, input.length], 'ends')
    cutsHold(answer.cuts.subarray(0, answer.cutCount * 2), answer.lineEnd, answer.end)
    const { status, contentLength } = answer
    const sent = Buffer.from(answerText(input, answer, '', answer.end), 'latin1')
    const code = parseAnswerHead(sent, 0, sent.length, { ...answerLimits, head: 1e6 }, otherAnswer)
    promise(code === headRead, `what goes down is refused: ${otherAnswer.reason}`)
    promise(
      otherAnswer.end === sent.length && otherAnswer.isOwnVersion,
      'what goes down is not ours',
    )
    const bodiless = status < 200 || status === 204
    const kept = bodiless ? -1 : contentLength
    same([otherAnswer.status, otherAnswer.contentLength], [status, kept], 'goes down otherwise')
    return `${status < 200} ${answer.chunked} ${answer.keepAlive} ${answer.cutCount}`
  },
}

interface Scanned {
  readonly done: boolean
  readonly bad: boolean
  /** Of whole bodies: where they end. */
  readonly end: number
  readonly data: string
}

function scan(parts: readonly Buffer[], atData: boolean): Scanned {
  const scanner = new ChunkScanner()
  let [end, data] = [0, '']
  for (const part of parts) {
    for (let at = 0; at < part.length && !scanner.done && !scanner.bad; ) {
      const stop = scanner.scan(part, at, part.length, atData)
      promise(stop > at || scanner.done || scanner.bad, 'it stands still')
      promise(stop <= part.length, 'it ran beyond the end')
      data += part.toString('latin1', scanner.dataStart, scanner.dataEnd)
      end += stop - at
      at = stop
    }
  }
  const { done, bad } = scanner
  return { done, bad, end: done ? end : 0, data }
}

/** The data of a body that holds nothing but what RFC 9112 7.1 allows; slow and plain. */
function plainData(text: string): string | undefined {
  let [rest, data] = [text, '']
  for (;;) {
    const line = /^([0-9a-fA-F]+)(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n/.exec(rest)
    if (line === null) return undefined
    const size = Number.parseInt(line[1] ?? '', 16)
    rest = rest.slice(line[0].length)
    if (size === 0) break
    data += rest.slice(0, size)
    if (rest.slice(size, size + 2) !== '\r\n') return undefined
    rest = rest.slice(size + 2)
  }
  return /^(?:[!#$%&'*+\-.^_`|~\w]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/.test(rest)
    ? data
    : undefined
}

const chunkedBody: Target = {
  name: 'chunked',
  seeds: [
    '0\r\n\r\n',
    '5\r\nabcde\r\n0\r\n\r\n',
    '3;a=b;c="d"\r\nabc\r\nA\r\n0123456789\r\n000\r\nX: 1\r\n\r\nrest',
  ],
  words: [
    ...['0\r\n', '\r\n', '1\r\na\r\n', ';x', '=y', 'ffffffff', '\r\n0\r\n\r\n', 'X: 1\r\n'],
    ...['Content-Length: 1\r\n', 'Host: a\r\n', '00', 'f', ' '],
  ],
  share: 1,
  check(input, random) {
    const whole = scan([input], false)
    const atData = scan([input], true)
    same([atData.done, atData.bad, atData.end], [whole.done, whole.bad, whole.end], 'data stops')
    const cut = scan(pieces(input, cuts(input.length, random)), true)
    same(cut, atData, 'it matters where it is cut')
    if (!whole.done) return `bad ${whole.bad}`
    const expected = plainData(input.toString('latin1', 0, whole.end))
    same(atData.data, expected, 'the data is not the data')
    return `done ${whole.end > 5} ${atData.data.length > 0}`
  },
}

/** See the first line. */
export const http1Targets: readonly Target[] = [requestHead, answerHead, chunkedBody]
