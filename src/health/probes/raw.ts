// Asks over one TCP connection, as `tcp.ts` does, at half the cost: where the address is one.

import { isIP } from 'node:net'
import { proxyHeader } from '../../wire/proxy/proxy-header.ts'
import type { Check, Target } from '../model.ts'
import { HttpAnswer } from './http-answer.ts'
import { type RawSocket, RawSockets, type SocketListener } from './raw-socket.ts'
import { outcomeOfCode } from './system-errors.ts'
import { type Question, type QuestionListener, requestOf } from './tcp.ts'

type HttpCheck = Extract<Check, { kind: 'http' }>
type RawCheck = HttpCheck | Extract<Check, { kind: 'tcp' }>

/** As `askOverTcp`; `undefined` where only `net` can ask. */
export type RawAsker = (
  target: Target,
  check: RawCheck,
  listener: QuestionListener,
) => Question | undefined

/** An asker over the runtime's handles; one that never asks where the runtime has none. */
export function openRawAsker(): RawAsker {
  const sockets = openSockets()
  if (sockets === undefined) return () => undefined
  const routes = new WeakMap<Target, Route>()
  return (target, check, listener) => {
    let route = routes.get(target)
    if (route?.check !== check) {
      route = routeTo(target, check)
      routes.set(target, route)
    }
    return route.family === 0 ? undefined : new RawQuestion(sockets, route, listener)
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

/** All that is the same each time a server is asked: most are asked each second, for days. */
interface Route {
  readonly check: RawCheck
  readonly host: string
  readonly port: number
  /** 0 where the host is a name. */
  readonly family: 0 | 4 | 6
  /** What is sent as soon as the connection is there. */
  readonly request: string
}

function routeTo(target: Target, check: RawCheck): Route {
  const { host, sendProxy } = target
  const port = check.port ?? target.port
  const proxy = sendProxy === undefined ? '' : proxyHeader(sendProxy, undefined)
  const request = check.kind === 'http' ? requestOf(host, port, check) : ''
  return { check, host, port, family: isIP(host) as 0 | 4 | 6, request: proxy + request }
}

/** One question. */
class RawQuestion implements Question, SocketListener {
  readonly #host: string
  readonly #request: string
  readonly #listener: QuestionListener
  readonly #answer: HttpAnswer | undefined
  readonly #socket: RawSocket
  #connected = false

  constructor(sockets: RawSockets, route: Route, listener: QuestionListener) {
    const { check, host, request, port } = route
    this.#host = host
    this.#request = request
    this.#listener = listener
    this.#answer = check.kind === 'http' ? new HttpAnswer(check, listener) : undefined
    const family = route.family === 6 ? 6 : 4
    const to = { address: host, family, port, isHeld: request === '' } as const
    this.#socket = sockets.connect(to, this)
  }

  isConnected(): boolean {
    return this.#connected
  }

  connected(): void {
    this.#connected = true
    if (this.#answer !== undefined) this.#socket.read()
    if (this.#request !== '') this.#socket.write(this.#request)
    if (this.#answer !== undefined) return
    this.#listener.report({ kind: 'passed' })
    this.end()
  }

  received(text: string): void {
    if (this.#answer?.take(text) === 'enough') this.end()
  }

  ended(): void {
    if (this.#answer?.ended() !== true) {
      this.#listener.report({ kind: 'failed', reason: 'closed before answering' })
    }
    this.end()
  }

  failed(code: string): void {
    this.#listener.report(outcomeOfCode(code, this.#host))
    this.end()
  }

  end(): void {
    this.#socket.drop()
    this.#listener.gone()
  }
}
