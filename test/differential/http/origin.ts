// The raw server behind each proxy: keeps every byte that comes, and answers what it understands.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { methodMark } from './answers.ts'
import type { Message } from './messages.ts'
import { type Dialect, dialects, readRequests, type Understood } from './reading.ts'

/** Comes behind each message on its connection; its answer shows that the message is over. */
export const endRequest = 'GET /end HTTP/1.1\r\nHost: a\r\n\r\n'
export const endBody = 'END!'

const servedAs = dialects.find(({ name }) => name === 'lf') as Dialect

interface Line {
  readonly socket: Socket
  /** Since the current message began. */
  text: string
  /** Where what has not been answered begins. */
  unread: number
}

/** See the first line. */
export class LaneOrigin implements AsyncDisposable {
  readonly #server: Server
  readonly #lines = new Set<Line>()
  /** All that are open, also those of lines that are forgotten. */
  readonly #sockets = new Set<Socket>()
  #answer: Message['answer']
  /** Counts everything that comes. */
  activity = 0

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  static async open(): Promise<LaneOrigin> {
    const origin = new LaneOrigin()
    await new Promise<void>((resolve) => origin.#server.listen(0, '127.0.0.1', resolve))
    return origin
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Another message begins: what came before it is forgotten. */
  begin(answer: Message['answer']): void {
    this.#answer = answer
    for (const line of this.#lines) {
      line.text = ''
      line.unread = 0
    }
  }

  /** What has come since then, by connection. */
  get received(): readonly string[] {
    return [...this.#lines].map(({ text }) => text).filter((text) => text !== '')
  }

  /** Ends the connections on which something is left over. */
  sweep(): void {
    for (const line of this.#lines) {
      if (line.unread < line.text.length || line.socket.readyState !== 'open') this.#drop(line)
    }
  }

  #accept(socket: Socket): void {
    const line: Line = { socket, text: '', unread: 0 }
    this.#lines.add(line)
    this.#sockets.add(socket)
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.activity += 1
      line.text += text
      this.#serve(line)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#sockets.delete(socket)
      this.activity += 1
      line.unread = line.text.length
      this.#closed.push(line)
    })
  }

  readonly #closed: Line[] = []

  /** Forgets connections that have ended; what came over them counts until the next message. */
  forget(): void {
    for (const line of this.#closed.splice(0)) this.#lines.delete(line)
  }

  #drop(line: Line): void {
    this.#lines.delete(line)
    line.socket.destroy()
  }

  #serve(line: Line): void {
    const { requests, rest } = readRequests(line.text.slice(line.unread), servedAs)
    for (const request of requests) this.#reply(line, request)
    line.unread += requests.at(-1)?.end ?? 0
    if (rest === 'bad') line.socket.end('HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n', 'latin1')
  }

  #reply(line: Line, { method, target, body }: Understood): void {
    const isOurs = target === '/end' || target === '/ping'
    const answer = isOurs ? undefined : this.#answer
    if (answer !== undefined) {
      line.socket.write(answer.bytes, 'latin1')
      if (answer.ends) line.socket.end()
      return
    }
    const named = /^[A-Za-z]+$/.test(method) ? method : 'other'
    const page = target === '/end' ? endBody : `${body.length} bytes`
    const text = method === 'HEAD' ? '' : page
    const head = `HTTP/1.1 200 OK\r\nDate: x\r\n${methodMark}: ${named}\r\n`
    line.socket.write(`${head}Content-Length: ${page.length}\r\n\r\n${text}`, 'latin1')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
