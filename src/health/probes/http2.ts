// Asks over one connection of HTTP/2 by prior knowledge (RFC 9113 3.3), and lets go.

import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import type { Check } from '../model.ts'
import { HttpAnswer, type Outcome } from './http-answer.ts'
import { outcomeOf } from './system-errors.ts'
import type { Question, QuestionListener } from './tcp.ts'

type HttpCheck = Extract<Check, { kind: 'http' }>
type End = (outcome: Outcome | undefined) => void

const authorityOf = (host: string, port: number): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

/** Opens a connection and lets `ask` use it. */
export function askOverHttp2(
  host: string,
  port: number,
  listener: QuestionListener,
  ask: (session: ClientHttp2Session, end: End) => ClientHttp2Stream,
): Question {
  const settings = { enablePush: false }
  const session = connect(`http://${authorityOf(host, port)}`, { settings })
  let isOver = false
  const end: End = (outcome) => {
    if (isOver) return
    isOver = true
    session.destroy()
    listener.gone()
    if (outcome !== undefined) listener.report(outcome)
  }
  session.on('error', (error) => end(outcomeOf(error, host)))
  session.on('close', () => end({ kind: 'failed', reason: 'closed before answering' }))
  const stream = ask(session, end)
  // Of a connection that failed a stream says only that it was cancelled; its cause is told.
  stream.on('error', (error) => end(outcomeOf(error.cause ?? error, host)))
  return { isConnected: () => !session.connecting, end: () => end(undefined) }
}

/** What an HTTP check asks and takes for an answer, as over HTTP/1.1. */
export const askHttp2 = (
  host: string,
  port: number,
  check: HttpCheck,
  listener: QuestionListener,
): Question =>
  askOverHttp2(host, port, listener, (session, end) => {
    const answer = new HttpAnswer(check, { report: end })
    const take = (text: string): void => {
      if (answer.take(text) === 'enough') end(undefined)
    }
    const fields = Object.entries(check.headers ?? {}).map(([name, value]) => [
      name.toLowerCase(),
      value,
    ])
    const stream = session.request({
      ':method': check.method,
      ':path': check.path,
      ':authority': check.host ?? authorityOf(host, port),
      'user-agent': 'alwayson-check',
      accept: '*/*',
      ...Object.fromEntries(fields),
    })
    stream.on('response', (headers) => take(`HTTP/1.1 ${headers[':status']} \r\n\r\n`))
    stream.on('data', (chunk: Buffer) => take(chunk.toString('latin1')))
    stream.on('end', () => {
      if (!answer.ended()) end({ kind: 'failed', reason: 'closed before answering' })
    })
    return stream
  })
