// Sends one message through one proxy, and tells what came out at both ends.

import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { Message } from './messages.ts'
import { endBody, endRequest, LaneOrigin } from './origin.ts'
import { proxies, type RunningProxy } from './proxies.ts'

/** What became of a message. */
export interface Passed {
  /** What the server got, by connection. */
  readonly up: readonly string[]
  /** What the client got. */
  readonly down: string
  /**
   * The request behind the message was answered, or the connection ended, or nothing happens any
   * more: what came was not enough.
   */
  readonly end: 'served' | 'closed' | 'waits'
}

/** Milliseconds after which it is asked whether a message still goes on. */
const lookAfter = 25
/** Longer than the way of any message through the same loop, connections to the server included. */
const roundTrips = 4

/**
 * Tells when a proxy has done all that it can do with what it was sent before: what is sent later
 * through the same event loop has come back, several times.
 */
class Barrier {
  readonly #port: number
  #socket: Socket | undefined
  #waiting: (() => void)[] = []
  #isRunning = false
  #isOver = false
  #text = ''
  #pinged: () => void = () => undefined

  constructor(port: number) {
    this.#port = port
  }

  pass(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (!this.#isRunning) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting.splice(0)
      for (let left = roundTrips; left > 0; left -= 1) await this.#ping()
      for (const resolve of waiting) resolve()
    }
    this.#isRunning = false
  }

  #ping(): Promise<void> {
    return new Promise((resolve) => {
      this.#pinged = resolve
      this.#text = ''
      this.#socket ??= this.#connect()
      this.#socket.write('GET /ping HTTP/1.1\r\nHost: a\r\n\r\n')
    })
  }

  #connect(): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      this.#text += chunk
      if (this.#text.endsWith('0 bytes')) this.#pinged()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      // Closed while it rested, or under a ping: which is asked again then.
      const pinged = this.#pinged
      if (!this.#isOver && this.#isRunning) void this.#ping().then(pinged)
    })
    return socket
  }

  close(): void {
    this.#isOver = true
    this.#socket?.destroy()
  }
}

/** One message at a time: a port of a proxy, and the server behind it. */
export class Lane {
  readonly #port: number
  readonly #origin: LaneOrigin
  readonly #barrier: Barrier
  #socket: Socket | undefined
  #text = ''
  #activity = 0
  #isClosed = false
  #wake: () => void = () => undefined

  constructor(port: number, origin: LaneOrigin, barrier: Barrier) {
    this.#port = port
    this.#origin = origin
    this.#barrier = barrier
  }

  async pass(message: Message): Promise<Passed> {
    const origin = this.#origin
    origin.begin(message.answer)
    this.#text = ''
    if (this.#isClosed) this.#drop()
    const socket = this.#socket ?? this.#connect()
    this.#socket = socket
    const ends = [...message.cuts, message.bytes.length]
    for (const [index, end] of ends.entries()) {
      const from = index === 0 ? 0 : (ends[index - 1] as number)
      if (index > 0) await turn()
      if (end > from) socket.write(message.bytes.slice(from, end), 'latin1')
    }
    socket.write(endRequest, 'latin1')
    const end = await this.#over()
    const passed = { up: origin.received, down: this.#text, end }
    if (end !== 'served') {
      this.#drop()
      await this.#barrier.pass()
    }
    origin.sweep()
    origin.forget()
    return passed
  }

  async #over(): Promise<Passed['end']> {
    let quiet = false
    let isOver = false
    let seen = -1
    const total = (): number => this.#activity + this.#origin.activity
    const look = (): void => {
      seen = total()
      void this.#barrier.pass().then(() => {
        if (seen === total()) quiet = true
        else if (!isOver) return look()
        this.#wake()
      })
    }
    // Most messages are over by then: the barrier costs more than they do. It is what decides.
    const timer = setTimeout(look, lookAfter)
    try {
      for (;;) {
        if (this.#text.endsWith(`\r\n\r\n${endBody}`)) return 'served'
        if (this.#isClosed) return 'closed'
        if (quiet) return 'waits'
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    } finally {
      isOver = true
      clearTimeout(timer)
    }
  }

  #connect(): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    this.#isClosed = false
    const isCurrent = (): boolean => this.#socket === socket
    const happened = (): void => {
      this.#activity += 1
      this.#wake()
    }
    const closed = (): void => {
      if (!isCurrent()) return
      this.#isClosed = true
      happened()
    }
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      if (!isCurrent()) return
      this.#text += text
      happened()
    })
    socket.on('end', closed)
    socket.on('error', () => undefined)
    socket.on('close', closed)
    return socket
  }

  #drop(): void {
    const socket = this.#socket
    this.#socket = undefined
    // One that has ended at the other side cannot be reset, and would be kept for ever.
    if (this.#isClosed) socket?.destroy()
    else socket?.resetAndDestroy()
  }

  close(): void {
    this.#drop()
  }
}

/** All proxies with their lanes: `lanes[i]` holds the lane `i` of each. */
export class Lanes implements AsyncDisposable {
  readonly lanes: readonly (readonly Lane[])[]
  readonly #parts: readonly AsyncDisposable[]
  readonly #barriers: readonly Barrier[]

  private constructor(
    lanes: readonly (readonly Lane[])[],
    parts: readonly AsyncDisposable[],
    barriers: readonly Barrier[],
  ) {
    this.lanes = lanes
    this.#parts = parts
    this.#barriers = barriers
  }

  /** Starts all proxies with so many lanes each, and one more for the barrier. */
  static async open(count: number): Promise<Lanes> {
    const parts: AsyncDisposable[] = []
    const barriers: Barrier[] = []
    const columns: Lane[][] = []
    try {
      for (const proxy of proxies) {
        const origins: LaneOrigin[] = []
        for (let lane = 0; lane <= count; lane += 1) origins.push(await LaneOrigin.open())
        const running: RunningProxy = await proxy.start(origins.map(({ port }) => port))
        parts.push(running, ...origins)
        const barrier = new Barrier(running.ports[count] as number)
        barriers.push(barrier)
        columns.push(
          origins
            .slice(0, count)
            .map((origin, lane) => new Lane(running.ports[lane] as number, origin, barrier)),
        )
      }
    } catch (thrown) {
      for (const part of parts) await part[Symbol.asyncDispose]()
      throw thrown
    }
    const lanes = Array.from({ length: count }, (_, lane) =>
      columns.map((column) => column[lane] as Lane),
    )
    return new Lanes(lanes, parts, barriers)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const lane of this.lanes.flat()) lane.close()
    for (const barrier of this.#barriers) barrier.close()
    for (const part of this.#parts) await part[Symbol.asyncDispose]()
  }
}
