// What becomes of a request whose head has just been read: which pool gets it, with which head, or
// what do we answer ourselves?

import type { RequestHead } from '../../../../wire/http1/request-line.ts'
import { latin1 as text } from '../../../../wire/latin1.ts'
import type { Chooser } from '../../../policies/choose.ts'
import { cookieOf } from '../../../policies/hash-key.ts'
import type { Asked } from '../../../routing/asked.ts'
import { canaryLine, chooseCanary } from '../../../routing/canary.ts'
import type { Reply, Sticky } from '../../../routing/model.ts'
import { readStuck } from '../../../routing/sticky.ts'
import { locationOf, rewritten } from '../../../routing/target.ts'
import type { Closed } from '../edge/closed.ts'
import type { Pool } from '../edge/pool.ts'
import { chooserOf, type RouteDeeds } from '../edge/route.ts'
import { hostName } from '../edge/routing.ts'
import type { Shared } from '../edge/shared.ts'
import type { Connection } from '../transport/transport.ts'
import type { Exchange } from './exchange.ts'
import { HeadFacts } from './head-facts.ts'
import type { RequestInput } from './input.ts'
import type { ExchangeClient } from './parts.ts'
import { forwardedLines, hostLine, ownLines, requestText } from './text.ts'
import type { Ending } from './timeline.ts'

/** A client whose request is directed. */
export interface DirectedClient extends ExchangeClient {
  readonly exchange: Exchange
  readonly shared: Shared
  readonly input: RequestInput
  readonly told: ToldOnce
}

/** What was found out of a client with its first request, for all that follow. */
export class ToldOnce {
  /** The host that the last one asked for, and the lines that said who asks for it. */
  #host = ''
  #lines = ''
  /** Whether its word on others is taken. */
  trusted: boolean | undefined
  /** A line for the answer to the present request, or `''`. */
  answerLine = ''

  /** The host that is asked for: mostly that of the last request, which is not made again. */
  hostOf(bytes: Buffer, start: number, end: number): string {
    if (!isText(bytes, start, end, this.#host)) {
      this.#host = text(bytes, start, end)
      this.#lines = ''
    }
    return this.#host
  }

  /** The lines that say who asks for the host that `hostOf` told last, or for none. */
  linesOf(connection: Connection, host: string): string {
    if (host === '') return forwardedLines(connection)
    if (this.#lines === '') this.#lines = forwardedLines(connection) + hostLine(host)
    return this.#lines
  }
}

function isText(bytes: Buffer, start: number, end: number, known: string): boolean {
  if (end - start !== known.length) return false
  for (let at = 0; at < known.length; at += 1) {
    if (bytes[start + at] !== known.charCodeAt(at)) return false
  }
  return true
}

const facts = new HeadFacts()

/** Begins the exchange of the request that `head` was read from. */
export function direct(client: DirectedClient, input: Buffer, head: RequestHead): void {
  const { door, exchange } = client
  const asked = facts.read(input, head, client.connection)
  if (door.closed?.turnsAway(asked.source) === true) return turnAway(client, head, door.closed)
  const early = door.limits.limits ? door.limits.refuses(asked, client.shared.deadlines.now) : 0
  if (early > 0) return answerByRule(client, head, 'by-rule', 429, retryAfter(early))
  if (door.places.limits) {
    const places = door.places.take(asked)
    if (places === undefined) return answerByRule(client, head, 'by-rule', 429, retryAfter(1000))
    exchange.take(places)
  }
  const host = head.hostStart < 0 ? '' : client.told.hostOf(input, head.hostStart, head.hostEnd)
  if (door.answersItself && answerItself(client, input, head, host)) return
  const route = door.only ?? door.route(host, text(input, head.pathStart, head.targetEnd), asked)
  if (route === undefined) return answerByRule(client, head, 'no-route', 404, '')
  if (head.hopsLeft === 0) return answerLast(client, head)
  const { deeds } = route
  if (deeds?.rules.reply !== undefined) return reply(client, head, deeds.rules.reply, host, asked)
  const canary = deeds?.canary && canaryOf(client, deeds.canary, asked)
  const target = (canary?.chosen === true ? deeds?.canary?.target : route.target) as Pool
  if (target.closed?.turnsAway(asked.source) === true) return turnAway(client, head, target.closed)
  if (deeds !== undefined && isTooLarge(client, head, deeds.rules.bodyMost)) {
    return answerByRule(client, head, 'bad-request', 413, '')
  }
  const told = toldLines(client, input, head, host)
  const lines = told + ownLines(input, head, host, target.row.name)
  const start =
    deeds === undefined
      ? requestText(input, head, lines)
      : editedText(input, head, lines, deeds, { client: asked.source, host })
  exchange.begin(start, head.idempotent, head.isHead, head.upgradeStart >= 0)
  exchange.answerRules.edit = deeds?.answer
  exchange.answerRules.lines = canary?.line ?? ''
  const chooser = chooserOf(route, asked)
  const { sticky } = target.row
  if (sticky === undefined) return exchange.dispatch(target, chooser)
  exchange.dispatch(target, stuckChooser(client, target, sticky, chooser, asked))
}

/** With the server that the client had before, if its cookie says so. */
function stuckChooser(
  { exchange, shared, connection }: DirectedClient,
  { row }: Pool,
  sticky: Sticky,
  chooser: Chooser,
  asked: Asked,
): Chooser {
  const now = Math.floor(shared.now / 1000)
  const before = readStuck(cookieOf(asked.field('cookie'), sticky.cookie), sticky, now)
  exchange.answerRules.sticky = { sticky, pool: row.name, before, now, secure: connection.secure }
  if (before === undefined) return chooser
  return { ...chooser, stuck: { token: before.token, until: shared.deadlines.now + sticky.waitMs } }
}

const retryAfter = (wait: number): string => `Retry-After: ${Math.ceil(wait / 1000)}\r\n`

function answerByRule(
  client: DirectedClient,
  head: RequestHead,
  ending: Ending,
  status: number,
  lines: string,
): void {
  client.exchange.begin('', head.idempotent, head.isHead, false)
  client.exchange.timeline.ending = ending
  client.answerOurselves(status, lines)
}

function turnAway(client: DirectedClient, head: RequestHead, closed: Closed): void {
  client.exchange.begin('', head.idempotent, head.isHead, false)
  client.exchange.timeline.ending = 'by-rule'
  client.answerOurselves(503, closed.lines, closed.page)
}

function reply(
  client: DirectedClient,
  head: RequestHead,
  said: Reply,
  host: string,
  asked: Asked,
): void {
  if (said.kind === 'refuse') return answerByRule(client, head, 'by-rule', said.status, '')
  const lines = `Location: ${locationOf(said, host, asked.target)}\r\n`
  answerByRule(client, head, 'by-rule', said.status, lines)
}

/** Whether the canary gets it, and the line that tells the client which point it is. */
function canaryOf(
  client: DirectedClient,
  canary: NonNullable<RouteDeeds['canary']>,
  asked: Asked,
): { readonly chosen: boolean; readonly line: string } {
  const { chosen, tell } = chooseCanary(canary, asked, client.shared.random.next())
  const { cookie = '', target } = canary
  const line = tell === undefined ? '' : canaryLine(cookie, tell, client.connection.secure)
  // A canary without a server keeps nobody waiting.
  return { chosen: chosen && !target.isDark, line }
}

/** A body whose length is not stated is counted as it comes. */
function isTooLarge(client: DirectedClient, head: RequestHead, most = Infinity): boolean {
  if (head.contentLength > most) return true
  client.input.bodyMost = most
  return false
}

function editedText(
  input: Buffer,
  head: RequestHead,
  lines: string,
  { rules, request, rewrites }: RouteDeeds,
  own: { readonly client: string; readonly host: string },
): string {
  const all = request?.applyToRequest(input, head.lineEnd, head, lines, own) ?? lines
  if (!rewrites) return requestText(input, head, all)
  const target = rewritten(facts.target, rules.strip, rules.prepend)
  return requestText(input, head, all, target)
}

/** Who asks, and for what. */
function toldLines(client: DirectedClient, input: Buffer, head: RequestHead, host: string): string {
  const { door, connection, told } = client
  if (door.telling === undefined) return told.linesOf(connection, host)
  told.trusted ??= door.telling.trusts(connection.peer)
  const { lines, answerLine } = door.telling.tell(connection, told.trusted, input, head, host)
  told.answerLine = answerLine
  return lines
}

const challengePath = '/.well-known/acme-challenge/'

/** Answers an authority that asks whether a name is ours; sends all others to https. */
function answerItself(
  client: DirectedClient,
  input: Buffer,
  head: RequestHead,
  host: string,
): boolean {
  const { door, exchange } = client
  const target = text(input, head.pathStart, head.targetEnd)
  const answer = target.startsWith(challengePath)
    ? door.challenges.get(target.slice(challengePath.length))
    : undefined
  const { redirect } = door.row
  if (answer === undefined && redirect === undefined) return false
  exchange.begin('', head.idempotent, head.isHead, false)
  if (answer !== undefined) client.answerOurselves(200, '', answer)
  else if (redirect === undefined || host === '') client.answerOurselves(400, '')
  else {
    const port = redirect.port === 443 ? '' : `:${redirect.port}`
    const location = `https://${hostName(host)}${port}${target === '*' ? '/' : target}`
    client.answerOurselves(redirect.status, `Location: ${location}\r\n`)
  }
  return true
}

/** Answers an OPTIONS or TRACE that may go no further (RFC 9110 7.6.2). */
function answerLast(client: DirectedClient, head: RequestHead): void {
  client.exchange.begin('', true, false, false)
  const isTrace = head.methodEnd - head.start === 'TRACE'.length
  if (isTrace) client.answerOurselves(405, 'Allow: OPTIONS\r\n')
  else client.answerOurselves(200, '')
}
