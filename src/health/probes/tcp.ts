// Asks over one TCP connection: connects, for HTTP reads the answer, and lets go.

import { isIPv6, connect as socketTo } from 'node:net'
import { proxyHeader } from '../../wire/proxy/proxy-header.ts'
import type { Check } from '../model.ts'
import { headBytesMost } from './head.ts'
import { HttpAnswer, type Outcome } from './http-answer.ts'
import { outcomeOf } from './system-errors.ts'

type HttpCheck = Extract<Check, { kind: 'http' }>

/** A question that is under way. */
export interface Question {
  /** Whether the server has been reached. */
  isConnected(): boolean
  /** Lets go of the server at once. */
  end(): void
}

/** Who hears what became of a question. */
export interface QuestionListener {
  /** The outcome; never within the call that asks. More may follow, and mean nothing. */
  report(outcome: Outcome): void
  /** Nothing of it is left. */
  gone(): void
}

/** All probes read into this one: each uses what it has read before it returns. */
const shared = Buffer.allocUnsafeSlow(headBytesMost)

/** Asks once, over the runtime's public sockets. */
export function askOverTcp(
  host: string,
  port: number,
  check: HttpCheck | { readonly kind: 'tcp' },
  listener: QuestionListener,
  sendProxy?: 'v1' | 'v2',
): Question {
  let connected = false
  const answer = check.kind === 'http' ? new HttpAnswer(check, listener) : undefined
  const socket = socketTo({
    host,
    port,
    noDelay: true,
    onread: {
      buffer: shared,
      callback: (count: number) => {
        if (answer?.take(shared.toString('latin1', 0, count)) === 'enough') end()
        return true
      },
    },
  })
  // A reset, not a goodbye: a goodbye would leave the port in TIME_WAIT for a minute.
  const end = (): void => void socket.resetAndDestroy()
  socket.once('connect', () => {
    connected = true
    if (sendProxy !== undefined) socket.write(proxyHeader(sendProxy, undefined), 'latin1')
    if (check.kind === 'http') socket.write(requestOf(host, port, check), 'latin1')
    else {
      listener.report({ kind: 'passed' })
      end()
    }
  })
  socket.once('error', (error) => listener.report(outcomeOf(error, host)))
  const closed = (): void => {
    if (answer?.ended() !== true)
      listener.report({ kind: 'failed', reason: 'closed before answering' })
  }
  socket.once('end', closed)
  socket.once('close', () => {
    closed()
    listener.gone()
  })
  return { isConnected: () => connected, end }
}

/** The question of a check; what the file says of a field goes before what we would say. */
export function requestOf(host: string, port: number, check: HttpCheck): string {
  const address = `${isIPv6(host) ? `[${host}]` : host}:${port}`
  const fields: Record<string, string> = {
    Host: check.host ?? address,
    'User-Agent': 'alwayson-check',
    Accept: '*/*',
  }
  for (const [name, value] of Object.entries(check.headers ?? {})) {
    const known = Object.keys(fields).find((one) => one.toLowerCase() === name.toLowerCase())
    fields[known ?? name] = value
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${check.method} ${check.path} HTTP/1.1\r\n${lines.join('')}Connection: close\r\n\r\n`
}
