// The network of a simulated machine: connections between its processes, byte for byte and in
// order, as the transport of a real edge has them. Nobody's socket buffer is ever full here.

import type {
  Connection,
  ConnectionOwner,
  Listener,
  Transport,
} from '../balancing/engines/native/transport/transport.ts'
import type { Bind } from '../balancing/model.ts'
import type { Ends } from '../foundation/addresses.ts'
import { pick, type Random } from '../foundation/random.ts'
import { type Clock, ms } from '../foundation/time.ts'

type Accept = (connection: Connection) => ConnectionOwner

/** One process's listening socket. */
interface Door {
  readonly stack: Stack
  readonly port: number
  readonly accept: Accept
}

/** From one end of a connection to the other. */
const latency = ms(0.05)

/** All connections of one machine. */
export class SimulatedNetwork {
  readonly #clock: Clock
  readonly #random: Random
  readonly #doors = new Set<Door>()

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** The sockets of one process. */
  open(): Stack {
    return new Stack(this, this.#doors)
  }

  /** Several may listen at one port (SO_REUSEPORT): one of them is chosen. */
  door(port: number): Door | undefined {
    return pick(
      this.#random,
      [...this.#doors].filter((door) => door.port === port),
    )
  }

  later(deed: () => void): void {
    this.#clock.after(latency, deed)
  }
}

/** The sockets of one process: they go with it. */
export class Stack implements Transport {
  readonly name = 'simulated'
  readonly can = { sharePort: true, handOver: false }
  readonly #network: SimulatedNetwork
  readonly #doors: Set<Door>
  readonly #ends = new Set<End>()

  constructor(network: SimulatedNetwork, doors: Set<Door>) {
    this.#network = network
    this.#doors = doors
  }

  connect(_address: string, port: number, owner: ConnectionOwner): Connection {
    const near = new End(this.#network, owner, (end) => this.#ends.delete(end))
    this.#ends.add(near)
    this.#network.later(() => {
      const door = this.#network.door(port)
      if (door === undefined) near.fail('ECONNREFUSED')
      else door.stack.take(near, door.accept)
    })
    return near
  }

  listen(bind: Bind, accept: Accept): Promise<Listener> {
    return Promise.resolve(this.listenAt(bind, accept))
  }

  connectSecure(): Connection {
    return this.secure()
  }

  secure(): Connection {
    throw new Error('broken invariant: nothing is encrypted in a simulated network')
  }

  /** The same as `listen`, at once. */
  listenAt(bind: Bind, accept: Accept): Listener {
    const door = { stack: this, port: bind.port, accept }
    this.#doors.add(door)
    return { bind, port: bind.port, close: () => void this.#doors.delete(door) }
  }

  /** Somebody has connected to one of our doors. */
  take(near: End, accept: Accept): void {
    if (near.isClosed) return
    const far = new End(this.#network, unowned, (end) => this.#ends.delete(end))
    this.#ends.add(far)
    near.join(far)
    far.join(near)
    far.owner = accept(far)
    this.#network.later(() => near.tell(() => near.owner.connected()))
  }

  /** Takes no more connections. */
  closeDoors(): void {
    for (const door of this.#doors) if (door.stack === this) this.#doors.delete(door)
  }

  /** The process has ended: the system closes what it had open. */
  kill(): void {
    this.closeDoors()
    for (const end of [...this.#ends]) end.close()
  }
}

const unowned: ConnectionOwner = {
  connected() {},
  received() {},
  ended() {},
  drained() {},
  unwritable() {},
  failed() {},
}

/** One end of a connection. What was sent arrives in order, a moment later. */
class End implements Connection {
  owner: ConnectionOwner
  readonly pending = 0
  readonly lent = false
  peer = '127.0.0.1'
  ends: Ends | undefined
  readonly secure = false
  readonly alpnProtocol = ''
  readonly #network: SimulatedNetwork
  readonly #over: (end: End) => void
  #other: End | undefined
  #closed = false
  #paused = false
  readonly #unread: (() => void)[] = []

  constructor(network: SimulatedNetwork, owner: ConnectionOwner, over: (end: End) => void) {
    this.#network = network
    this.owner = owner
    this.#over = over
  }

  get isClosed(): boolean {
    return this.#closed
  }

  claim(ends: Ends): void {
    this.ends = ends
    this.peer = ends.from.host
  }

  join(other: End): void {
    this.#other = other
  }

  write(text: string): void {
    this.writeBytes(Buffer.from(text, 'latin1'))
  }

  flush(): number {
    return 0
  }

  writeBytes(bytes: Uint8Array): void {
    const copy = Buffer.from(bytes)
    this.#send((other) => {
      if (other.isClosed) this.fail('ECONNRESET')
      else other.tell(() => other.owner.received(copy, copy.length))
    })
  }

  passOn(to: Connection, bytes: Buffer, start: number, end: number): void {
    to.writeBytes(bytes.subarray(start, end))
  }

  waitFor(): void {}

  settle(): void {}

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#network.later(() => {
      while (!this.#paused && !this.#closed) {
        const next = this.#unread.shift()
        if (next === undefined) return
        next()
      }
    })
  }

  end(): void {
    this.#send((other) => other.tell(() => other.owner.ended()))
  }

  close(): void {
    if (this.#closed) return
    this.end()
    this.#shut()
  }

  reset(): void {
    if (this.#closed) return
    this.#send((other) => other.fail('ECONNRESET'))
    this.#shut()
  }

  /** It broke, or was never opened. */
  fail(code: string): void {
    if (this.#closed) return
    this.#shut()
    this.owner.failed(code)
  }

  /** Something has arrived: told now, or when it is read again. */
  tell(news: () => void): void {
    if (this.#closed) return
    if (this.#paused || this.#unread.length > 0) this.#unread.push(news)
    else news()
  }

  #send(deliver: (other: End) => void): void {
    if (this.#closed) return
    const other = this.#other
    if (other !== undefined) this.#network.later(() => deliver(other))
  }

  #shut(): void {
    this.#closed = true
    this.#over(this)
  }
}
