// Clients of the soak: an open loop at a fixed rate over connections that are kept, each request
// accounted for, none repeated.

import { connect, type Socket } from 'node:net'

/** What clients noticed in one stretch of time. */
export interface Stretch {
  readonly requests: number
  readonly failed: number
  /** Answered well, but more than a second after it was due. */
  readonly slow: number
  /** Milliseconds from due to answered. */
  readonly p50: number
  readonly p99: number
  readonly most: number
  /** `ECONNRESET×2 503×1` */
  readonly failures: string
}

interface Ask {
  readonly due: number
  readonly text: string
  readonly bodyBytes: number
}

const body = 'b'.repeat(2048)
const head = 'HTTP/1.1\r\nHost: soak\r\n'

/** Nine in ten are small, and all may be repeated by a balancer. */
const kinds: readonly { readonly text: string; readonly bodyBytes: number }[] = [
  ...Array.from({ length: 7 }, () => ({ text: `GET / ${head}\r\n`, bodyBytes: 2 })),
  { text: `GET /page ${head}\r\n`, bodyBytes: 8 * 1024 },
  { text: `GET /api ${head}\r\n`, bodyBytes: 2 },
  { text: `PUT / ${head}Content-Length: ${body.length}\r\n\r\n${body}`, bodyBytes: 4 },
]

/** A request that takes longer has failed. */
const deadline = 15_000
/** A visitor who came while answers were held goes after this long without a question, ms. */
const staysFor = 5000

/** One connection, opened again when it has ended. */
class Line {
  /** When it was last answered. */
  restsSince = 0
  #socket: Socket | undefined
  #ask: Ask | undefined
  #received = ''
  #timer: NodeJS.Timeout | undefined
  readonly #port: number
  readonly #over: (line: Line, ask: Ask, failure: string) => void

  constructor(port: number, over: (line: Line, ask: Ask, failure: string) => void) {
    this.#port = port
    this.#over = over
  }

  send(ask: Ask): void {
    this.#ask = ask
    this.#received = ''
    this.#timer = setTimeout(() => this.#end('timeout'), deadline)
    this.#socket ??= this.#open()
    this.#socket.write(ask.text)
  }

  #open(): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    const isCurrent = (): boolean => this.#socket === socket
    let cause = 'closed'
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      if (isCurrent()) this.#take(text)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      cause = error.code ?? error.message
    })
    socket.on('close', () => {
      if (!isCurrent()) return
      this.#socket = undefined
      if (this.#ask !== undefined) this.#end(cause)
    })
    return socket
  }

  #take(text: string): void {
    const ask = this.#ask
    if (ask === undefined) return this.close()
    this.#received += text
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const answer = this.#received.slice(0, headEnd)
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(answer)?.[1] ?? -1)
    if (this.#received.length < headEnd + 4 + length) return
    const status = answer.slice(9, 12)
    const isLast = /\r\nconnection: close/i.test(answer)
    if (isLast) this.close()
    this.#end(status !== '200' ? status : length === ask.bodyBytes ? '' : `${length} bytes`)
  }

  #end(failure: string): void {
    const ask = this.#ask
    if (ask === undefined) return
    clearTimeout(this.#timer)
    this.#ask = undefined
    if (failure !== '') this.close()
    this.#over(this, ask, failure)
  }

  close(): void {
    const socket = this.#socket
    this.#socket = undefined
    socket?.destroy()
  }
}

/** See the first line. */
export class Clients {
  /** The last to have answered is asked first, so that those who are not needed rest. */
  readonly #idle: Line[] = []
  readonly #lines = new Set<Line>()
  readonly #waiting: Ask[] = []
  readonly #port: number
  /** Those that stay. */
  readonly #least: number
  readonly #began = performance.now()
  #rate: number
  #sent = 0
  #rateSince = 0
  #underWay = 0
  #timer: NodeJS.Timeout | undefined
  #latencies: number[] = []
  #slow = 0
  readonly #failures = new Map<string, number>()
  /** With no rate, as fast as the connections allow. */
  readonly #isClosed: boolean

  constructor(port: number, connections: number, rate: number | undefined) {
    this.#port = port
    this.#least = connections
    this.#rate = rate ?? 0
    this.#isClosed = rate === undefined
    for (let line = 0; line < connections; line += 1) this.#add()
    if (this.#isClosed) for (const line of this.#idle.splice(0)) this.#sendNext(line)
    else this.#timer = setInterval(() => this.#pump(), 2)
  }

  #add(): void {
    const line = new Line(this.#port, (it, ask, failure) => this.#over(it, ask, failure))
    this.#lines.add(line)
    this.#idle.push(line)
  }

  get #now(): number {
    return performance.now() - this.#began
  }

  #pump(): void {
    const due = ((this.#now - this.#rateSince) * this.#rate) / 1000
    for (; this.#sent < due; this.#sent += 1) {
      const kind = kinds[this.#sent % kinds.length] as (typeof kinds)[number]
      this.#waiting.push({ due: this.#rateSince + (this.#sent * 1000) / this.#rate, ...kind })
    }
    // While answers are held, new requests open connections, as new visitors do.
    while (this.#waiting.length > 0) {
      if (this.#idle.length === 0) this.#add()
      const line = this.#idle.pop() as Line
      this.#underWay += 1
      line.send(this.#waiting.shift() as Ask)
    }
  }

  #sendNext(line: Line): void {
    const kind = kinds[this.#sent % kinds.length] as (typeof kinds)[number]
    this.#sent += 1
    this.#underWay += 1
    line.send({ due: this.#now, ...kind })
  }

  #over(line: Line, ask: Ask, failure: string): void {
    this.#underWay -= 1
    const latency = this.#now - ask.due
    this.#latencies.push(latency)
    if (failure !== '') this.#failures.set(failure, (this.#failures.get(failure) ?? 0) + 1)
    else if (latency > 1000) this.#slow += 1
    if (this.#isClosed && this.#timer === undefined && !this.#stopped) this.#sendNext(line)
    else this.#rest(line)
  }

  #rest(line: Line): void {
    line.restsSince = this.#now
    this.#idle.push(line)
    const [longest] = this.#idle
    if (longest === undefined || this.#lines.size <= this.#least) return
    if (this.#now - longest.restsSince < staysFor) return
    this.#idle.shift()
    this.#lines.delete(longest)
    longest.close()
  }

  #stopped = false

  /** What was noticed since the last call. */
  take(): Stretch {
    const sorted = this.#latencies.sort((a, b) => a - b)
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0
    const failed = [...this.#failures.values()].reduce((sum, count) => sum + count, 0)
    const stretch = {
      ...{ requests: sorted.length, failed, slow: this.#slow },
      ...{ p50: at(0.5), p99: at(0.99), most: sorted.at(-1) ?? 0 },
      failures: [...this.#failures].map(([kind, count]) => `${kind}×${count}`).join(' '),
    }
    this.#latencies = []
    this.#slow = 0
    this.#failures.clear()
    return stretch
  }

  /** Sends nothing more, and resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    while (this.#underWay > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    for (const line of this.#lines) line.close()
  }
}
