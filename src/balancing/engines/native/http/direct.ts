// What becomes of a request whose head has just been read: which pool gets it, with which head, or
// what do we answer ourselves?

import type { RequestHead } from '../../../../wire/http1/request-line.ts'
import { latin1 as text } from '../../../../wire/latin1.ts'
import { hashKey, keyless } from '../../../policies/hash-key.ts'
import { hostName } from '../edge/routing.ts'
import { sourceOf } from '../edge/source.ts'
import type { Exchange } from './exchange.ts'
import { HeadFacts } from './head-facts.ts'
import type { ExchangeClient } from './parts.ts'
import { forwardedLines, requestLines, requestText } from './text.ts'

/** A client whose request is directed. */
export interface DirectedClient extends ExchangeClient {
  readonly exchange: Exchange
  /** The same for all requests of the connection; made when the first one comes. */
  forwarded: string
}

const facts = new HeadFacts()

/** Begins the exchange of the request that `head` was read from. */
export function direct(client: DirectedClient, input: Buffer, head: RequestHead): void {
  const { door, exchange } = client
  const host = head.hostStart < 0 ? '' : text(input, head.hostStart, head.hostEnd)
  if (door.answersItself && answerItself(client, input, head, host)) return
  const route = door.only ?? door.route(host, text(input, head.pathStart, head.targetEnd))
  if (route === undefined) {
    exchange.begin('', head.idempotent, head.isHead, false)
    exchange.timeline.ending = 'no-route'
    return client.answerOurselves(404, '')
  }
  if (head.hopsLeft === 0) return answerLast(client, head)
  const { rule, target } = route
  if (client.forwarded === '') client.forwarded = forwardedLines(client.connection)
  const lines = client.forwarded + requestLines(input, head, host, rule.pool)
  const start = requestText(input, head, lines)
  exchange.begin(start, head.idempotent, head.isHead, head.upgradeStart >= 0)
  const { policy, hash } = rule
  if (hash === undefined) return exchange.dispatch(target, policy, keyless, Infinity)
  const asked = facts.read(input, head, sourceOf(client.connection.peer))
  exchange.dispatch(target, policy, hashKey(hash, asked), hash.bound ?? Infinity)
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
