// The clients of a simulated life: requests come when they come, whatever became of the last one.

import type {
  Connection,
  ConnectionOwner,
} from '../balancing/engines/native/transport/transport.ts'
import { below, pick, type Random } from '../foundation/random.ts'
import { type Clock, type Instant, type Milliseconds, ms, since } from '../foundation/time.ts'
import { latin1 } from '../wire/latin1.ts'
import { messageReader, requestText, statusOf } from './http.ts'
import type { Process } from './machine.ts'
import type { SimulatedNetwork, Stack } from './network.ts'

/** One request, and what became of it. */
export interface ClientRequest {
  readonly id: number
  readonly service: string
  readonly idempotent: boolean
  readonly sentAt: Instant
  /** How often a server began to work on it, and which was the last. */
  executions: number
  process: Process | undefined
}

/** What clients got. */
export interface Ledger {
  readonly sent: number
  readonly failed: readonly Failure[]
}

/** What clients got since they were last asked. */
export interface Tally {
  readonly answered: number
  readonly failed: number
  readonly longest: Milliseconds
}

/** A request that was not served. Status 0 is no answer at all. */
export interface Failure {
  readonly id: number
  readonly at: Instant
  readonly status: number
  readonly idempotent: boolean
}

/** What clients need. */
export interface ClientsParts {
  readonly clock: Clock
  readonly random: Random
  readonly network: SimulatedNetwork
  /** The services that are asked, with the port of each one's door. */
  readonly doors: () => ReadonlyMap<string, number>
  /** How long a server takes for an answer. */
  readonly takes: () => number
  /** Hears of each request when it is over. */
  readonly over: (request: ClientRequest, status: number) => void
}

/** Connections that are kept for later requests; others are opened anew. */
const keptMost = 4

/** Clients that send about `perSecond` requests, in an open loop. */
export class SimulatedClients {
  readonly #parts: ClientsParts
  readonly #perSecond: number
  readonly #stack: Stack
  readonly #kept: ClientConnection[] = []
  readonly #open = new Map<number, ClientRequest>()
  readonly #failed: Failure[] = []
  #sent = 0
  #tally: Tally = { answered: 0, failed: 0, longest: ms(0) }

  constructor(parts: ClientsParts, perSecond: number) {
    this.#parts = parts
    this.#perSecond = perSecond
    this.#stack = parts.network.open()
    // Nobody knows of a service before its doors are open for the first time.
    parts.clock.after(ms(50), () => this.#plan())
  }

  ledger(): Ledger {
    return { sent: this.#sent, failed: this.#failed }
  }

  /** What was answered and what failed since the last call, and the longest wait for it. */
  tally(): Tally {
    const tally = this.#tally
    this.#tally = { answered: 0, failed: 0, longest: ms(0) }
    return tally
  }

  /** A server begins to work on a request. */
  executes(id: number, process: Process): void {
    const request = this.#open.get(id)
    if (request === undefined) return
    request.executions += 1
    request.process = process
  }

  #plan(): void {
    const { clock, random } = this.#parts
    // Independent arrivals: the gaps between them are distributed exponentially.
    const gap = (-Math.log(1 - random.next()) * 1000) / this.#perSecond
    clock.after(ms(gap), () => {
      this.#send()
      this.#plan()
    })
  }

  #send(): void {
    const { clock, random, doors, takes } = this.#parts
    const [service, port] = pick(random, [...doors()]) ?? ['', 0]
    const [idempotent, reuse] = [random.next() < 0.7, below(random, 2) === 0]
    if (service === '') return
    this.#sent += 1
    const id = this.#sent
    const request: ClientRequest = {
      ...{ id, service, idempotent, sentAt: clock.now(), executions: 0, process: undefined },
    }
    this.#open.set(id, request)
    const kept = reuse ? this.#take(port) : undefined
    const connection = kept ?? new ClientConnection(this.#stack, port, (c) => this.#rests(c))
    connection.ask(requestText(id, takes(), idempotent), (status) => this.#over(request, status))
  }

  #take(port: number): ClientConnection | undefined {
    const place = this.#kept.findIndex((connection) => connection.port === port)
    return place === -1 ? undefined : this.#kept.splice(place, 1)[0]
  }

  #rests(connection: ClientConnection): void {
    if (connection.isOpen && this.#kept.length < keptMost) this.#kept.push(connection)
    else {
      connection.close()
      const place = this.#kept.indexOf(connection)
      if (place !== -1) this.#kept.splice(place, 1)
    }
  }

  #over(request: ClientRequest, status: number): void {
    const { clock, over } = this.#parts
    const { id, idempotent, sentAt } = request
    this.#open.delete(id)
    const isServed = status >= 200 && status < 500
    if (!isServed) this.#failed.push({ id, at: clock.now(), status, idempotent })
    const { answered, failed, longest } = this.#tally
    this.#tally = {
      answered: answered + (isServed ? 1 : 0),
      failed: failed + (isServed ? 0 : 1),
      longest: ms(Math.max(longest, since(sentAt, clock.now()))),
    }
    over(request, status)
  }
}

/** One connection of a client: one request at a time. */
class ClientConnection implements ConnectionOwner {
  readonly port: number
  readonly #connection: Connection
  readonly #rests: (connection: ClientConnection) => void
  readonly #read = messageReader()
  #unsent = ''
  #connected = false
  #answered: ((status: number) => void) | undefined
  #open = true

  constructor(stack: Stack, port: number, rests: (connection: ClientConnection) => void) {
    this.port = port
    this.#rests = rests
    this.#connection = stack.connect('127.0.0.1', port, this)
  }

  get isOpen(): boolean {
    return this.#open
  }

  ask(text: string, answered: (status: number) => void): void {
    this.#answered = answered
    if (this.#connected) this.#connection.write(text)
    else this.#unsent = text
  }

  close(): void {
    this.#open = false
    this.#connection.close()
  }

  connected(): void {
    this.#connected = true
    this.#connection.write(this.#unsent)
  }

  received(bytes: Buffer, end: number): void {
    for (const answer of this.#read(latin1(bytes, 0, end))) {
      if (answer.field('connection') === 'close') this.#open = false
      this.#finish(statusOf(answer))
    }
  }

  ended(): void {
    this.failed()
  }

  failed(): void {
    this.#open = false
    this.#finish(0)
  }

  drained(): void {}

  unwritable(): void {}

  #finish(status: number): void {
    const answered = this.#answered
    this.#answered = undefined
    answered?.(status)
    this.#rests(this)
  }
}
