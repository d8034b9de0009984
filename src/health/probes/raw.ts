// Asks over one TCP connection, as `tcp.ts` does, at half the cost: where the address is one.

import { isIP } from 'node:net'
import { proxyHeader } from '../../wire/proxy/proxy-header.ts'
import type { Check } from '../model.ts'
import { HttpAnswer } from './http-answer.ts'
import { RawSockets } from './raw-socket.ts'
import { outcomeOfCode } from './system-errors.ts'
import { type Question, type QuestionListener, requestOf } from './tcp.ts'

type HttpCheck = Extract<Check, { kind: 'http' }>

/** As `askOverTcp`; `undefined` where only `net` can ask. */
export type RawAsker = (
  host: string,
  port: number,
  check: HttpCheck | { readonly kind: 'tcp' },
  listener: QuestionListener,
  sendProxy?: 'v1' | 'v2',
) => Question | undefined

/** An asker over the runtime's handles; one that never asks where the runtime has none. */
export function openRawAsker(): RawAsker {
  const sockets = openSockets()
  if (sockets === undefined) return () => undefined
  return (host, port, check, { report, gone }, sendProxy) => {
    if (isIP(host) === 0) return undefined
    let connected = false
    const drop = (): void => {
      socket.drop()
      gone()
    }
    const answer = check.kind === 'http' ? new HttpAnswer(check, report) : undefined
    const closed = (): void => {
      if (answer?.ended() !== true) report({ kind: 'failed', reason: 'closed before answering' })
      drop()
    }
    const socket = sockets.connect(host, port, {
      connected: () => {
        connected = true
        const proxy = sendProxy === undefined ? '' : proxyHeader(sendProxy, undefined)
        if (check.kind === 'http') {
          socket.read()
          return socket.write(proxy + requestOf(host, port, check))
        }
        if (proxy !== '') socket.write(proxy)
        report({ kind: 'passed' })
        drop()
      },
      received: (bytes) => {
        if (answer?.take(bytes.toString('latin1')) === 'enough') drop()
      },
      ended: closed,
      failed: (code) => {
        report(outcomeOfCode(code, host))
        drop()
      },
    })
    return { isConnected: () => connected, end: drop }
  }
}

function openSockets(): RawSockets | undefined {
  try {
    return new RawSockets()
  } catch {
    // Public sockets do the same, at a higher price.
    return undefined
  }
}
