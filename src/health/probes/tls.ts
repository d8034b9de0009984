// Asks over one connection under TLS, as the traffic does, and lets go.

import { isIP } from 'node:net'
import type { Check, ServerTls } from '../model.ts'
import { HttpAnswer } from './http-answer.ts'
import { outcomeOf } from './system-errors.ts'
import { type Question, type QuestionListener, requestOf } from './tcp.ts'

type HttpCheck = Extract<Check, { kind: 'http' }>

/** Asks once; see `askOverTcp`. A server that is not whom it should be has failed. */
export function askOverTls(
  host: string,
  port: number,
  check: HttpCheck | { readonly kind: 'tcp' },
  tls: ServerTls,
  listener: QuestionListener,
): Question {
  let connected = false
  const { checkServerIdentity, connect } = process.getBuiltinModule('node:tls')
  const answer = check.kind === 'http' ? new HttpAnswer(check, listener) : undefined
  const name = tls.serverName ?? host
  const socket = connect({
    ...{ host, port, rejectUnauthorized: tls.verify, minVersion: 'TLSv1.2' },
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(tls.trust === undefined ? {} : { ca: tls.trust }),
    checkServerIdentity: (_asked, certificate) => checkServerIdentity(name, certificate),
  })
  const end = (): void => void socket.destroy()
  socket.once('secureConnect', () => {
    connected = true
    if (check.kind === 'http') socket.write(requestOf(host, port, check), 'latin1')
    else {
      listener.report({ kind: 'passed' })
      end()
    }
  })
  socket.on('data', (bytes: Buffer) => {
    if (answer?.take(bytes.toString('latin1')) === 'enough') end()
  })
  socket.once('error', (error: Error) => {
    const isTrust = !connected && 'code' in error && /CERT|ISSUER|TLS/.test(String(error.code))
    if (isTrust)
      listener.report({ kind: 'failed', reason: `its certificate is refused: ${error.message}` })
    else listener.report(outcomeOf(error, host))
  })
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
