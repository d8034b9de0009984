// Keeps in a store the log that a MariaDB or MySQL sends as to a replica: in pieces that are binary
// logs of their own, so that every tool reads them. How it is asked for is its engine's to say.

import type { Socket } from 'node:net'
import { compose } from 'node:stream'
import { createZstdCompress } from 'node:zlib'
import { waker } from '../../../coordination/recipes/persevere.ts'
import { Fault } from '../../../foundation/fault.ts'
import { type Instant, instant } from '../../../foundation/time.ts'
import type { LogNews } from '../../backups/engine.ts'
import type { BackupStore, GrowingObject } from '../../backups/store.ts'
import {
  growingKey,
  headKey,
  magic,
  pieceName,
  pieceNames,
  timesKey,
  untilKey,
  wholeKey,
} from './log-pieces.ts'
import { GrowingRuns, type Run } from './runs.ts'
import type { Session } from './session.ts'

/** By this id the server knows the connection: no member's, and no primary's. */
export const receiverId = 4_294_967_291
/** The server says that it is there although it writes nothing, in nanoseconds. */
export const heartbeat = 500_000_000
/** A server that says nothing for so long is gone. */
const silentMost = 10_000
const pieceMost = 16 * 1024 * 1024
const untilEvery = 5000
/** Whoever is told to stop waits no longer for a folder that does not answer. */
const sayWithin = 1000
const waitingMost = 16 * 1024 * 1024

/** Types of events (binary log event docs). */
const format = 15

/** How an engine's log is read as it comes. */
export interface LogDialect {
  /** Types of events that say that the server is there, and has sent all that it has. */
  readonly heartbeats: readonly number[]
  /** Types of events that are the server's own matter, and are not kept. */
  readonly passedOver: readonly number[]
  /** Of an event with which a transaction begins: its GTID. */
  gtidOf(event: Buffer): string | undefined
  /** What has come once this has, after what had come before: see `Piece.after`. */
  after(before: string, runs: readonly Run[]): string
}

/** The server refused before the first transaction: it does not have what was asked for. */
export class NothingSent extends Fault {
  /** Its number of the error. */
  readonly errno: number

  constructor(errno: number, message: string) {
    super('failed', message)
    this.errno = errno
  }
}

/**
 * Asks for what comes after `after` by one packet of the protocol, and keeps it until the signal
 * ends that, or the connection does; then rejects. The session is good for nothing else.
 */
export async function keepLog(
  session: Session,
  { request, after }: { readonly request: Buffer; readonly after: string },
  dialect: LogDialect,
  store: BackupStore,
  now: () => Instant,
  told: (news: LogNews) => void,
  signal: AbortSignal,
): Promise<never> {
  const number = Number((await pieceNames(store)).at(-1) ?? 0) + 1
  await using keeper = new PieceKeeper(store, number, after, now, told, dialect)
  const stream = session.takeOver(request)
  const end = (): void => void stream.destroy()
  signal.addEventListener('abort', end, { once: true })
  try {
    return await keeper.follow(stream, signal)
  } finally {
    signal.removeEventListener('abort', end)
    told({ receiving: false, until: undefined })
    // Where that cannot be said, what was said before holds: it is only a little earlier.
    await keeper.sayUntil(AbortSignal.timeout(sayWithin)).catch(() => undefined)
  }
}

/** Writes what comes, in the order in which it comes. */
class PieceKeeper implements AsyncDisposable {
  readonly #store: BackupStore
  readonly #now: () => Instant
  readonly #told: (news: LogNews) => void
  readonly #dialect: LogDialect
  #number: number
  #after: string
  #format: Buffer | undefined
  #file: GrowingObject | undefined
  #times: GrowingObject | undefined
  /** Up to where the piece has come, and how much of that is written. */
  #offset = 0
  #written = 0
  /** Came together, and is written at one stroke. */
  #unwritten: Buffer[] = []
  #timesOffset = 0
  #isDirty = false
  /** Of the piece that grows. */
  #runs = new GrowingRuns()
  #hasCome = false
  #stated = 0
  /** Everything that was committed before this has come. */
  #until: number | undefined
  /** Everything before this is on disk as well; and what of that stands there. */
  #settled: number | undefined
  #standing: number | undefined

  constructor(
    store: BackupStore,
    number: number,
    after: string,
    now: () => Instant,
    told: (news: LogNews) => void,
    dialect: LogDialect,
  ) {
    this.#store = store
    this.#number = number
    this.#after = after
    this.#dialect = dialect
    this.#now = now
    this.#told = told
  }

  async follow(socket: Socket, signal: AbortSignal): Promise<never> {
    const bell = waker()
    const packets: { readonly packet: Buffer; readonly at: Instant }[] = []
    let [waiting, isOver] = [0, false]
    const splitter = new Splitter((packet) => {
      // What waits here for a slow disk says nothing of the time until it is written.
      packets.push({ packet, at: this.#now() })
      waiting += packet.length
    })
    socket.setTimeout(silentMost, () => socket.destroy(new Error('the server says nothing')))
    socket.on('error', () => {})
    socket.on('close', () => {
      isOver = true
      bell.wake()
    })
    socket.on('data', (bytes: Buffer) => {
      splitter.take(bytes)
      if (waiting > waitingMost) socket.pause()
      bell.wake()
    })
    for (;;) {
      const batch = packets.splice(0)
      waiting = 0
      for (const { packet, at } of batch) await this.#take(packet, at, signal)
      await this.#settle(batch.length > 0, signal)
      socket.resume()
      if (packets.length > 0) continue
      if (isOver) throw new Fault('failed', 'the connection to the primary ended')
      await bell.wait(signal)
    }
  }

  async #take(packet: Buffer, at: Instant, signal: AbortSignal): Promise<void> {
    if (packet[0] === 0xff) {
      const [number, text] = [packet.readUInt16LE(1), packet.toString('utf8', 9)]
      const why = `the primary does not send its log: ${number}, ${text}`
      throw this.#hasCome ? new Fault('failed', why) : new NothingSent(number, why)
    }
    if (packet[0] === 0xfe && packet.length < 9) {
      throw new Fault('failed', 'the primary sends no more of its log')
    }
    const event = packet.subarray(1)
    const type = event.readUInt8(4)
    if (type === format) {
      // Another server wrote what follows, or the same one anew.
      if (this.#format !== undefined && !isSameFormat(this.#format, event)) {
        await this.#finish(signal)
      }
      this.#format = Buffer.from(event)
      // Also where nothing is written: a base is whole once a piece leads on from it.
      if (this.#file === undefined) await this.#begin(this.#format, signal)
      return
    }
    const { heartbeats, passedOver } = this.#dialect
    if (passedOver.includes(type)) return
    const isHeartbeat = heartbeats.includes(type)
    // It has sent all that it has.
    this.#until = isHeartbeat ? at : event.readUInt32LE(0) * 1000
    if (isHeartbeat) return
    const gtid = this.#dialect.gtidOf(event)
    if (gtid !== undefined) {
      if (this.#offset > pieceMost) await this.#finish(signal)
      this.#runs.add(gtid)
      this.#hasCome = true
    }
    await this.#append(event, signal)
  }

  async #begin(format: Buffer, signal: AbortSignal): Promise<void> {
    const name = pieceName(this.#number)
    const head = { after: this.#after, began: this.#now() }
    await this.#store.put(headKey(name), Buffer.from(JSON.stringify(head)), signal)
    this.#file = await this.#store.grow(growingKey(name))
    this.#times = await this.#store.grow(timesKey(name))
    const begin = Buffer.concat([magic, format])
    await this.#file.write(0, begin)
    this.#offset = begin.length
    this.#written = begin.length
    this.#unwritten = []
    this.#timesOffset = 0
  }

  async #append(event: Buffer, signal: AbortSignal): Promise<void> {
    if (this.#format === undefined) throw new Fault('corrupt', 'the log begins with no format')
    if (this.#file === undefined) await this.#begin(this.#format, signal)
    this.#unwritten.push(event)
    this.#offset += event.length
    this.#isDirty = true
  }

  /** Puts on disk what came, with the time; what follows is told to whoever looks. */
  async #settle(hasCome: boolean, signal: AbortSignal): Promise<void> {
    const now = this.#now()
    if (this.#isDirty && this.#file !== undefined && this.#times !== undefined) {
      const events = Buffer.concat(this.#unwritten.splice(0))
      await this.#file.write(this.#written, events)
      this.#written += events.length
      await this.#file.sync()
      const line = Buffer.from(`${this.#offset} ${now}\n`)
      await this.#times.write(this.#timesOffset, line)
      this.#timesOffset += line.length
      await this.#times.sync()
      this.#isDirty = false
    }
    const until = this.#until
    if (!hasCome || until === undefined) return
    this.#settled = until
    this.#told({ receiving: true, until: instant(until) })
    if (now - this.#stated < untilEvery) return
    this.#stated = now
    await this.sayUntil(signal)
  }

  /** Writes down until when the log is kept, for whoever restores it later. */
  async sayUntil(signal: AbortSignal): Promise<void> {
    const until = this.#settled
    if (until === undefined || until === this.#standing) return
    await this.#store.put(untilKey, Buffer.from(JSON.stringify({ until })), signal)
    this.#standing = until
  }

  /** What came so far is a piece of its own; what follows begins the next one. */
  async #finish(signal: AbortSignal): Promise<void> {
    if (this.#file === undefined) return
    const name = pieceName(this.#number)
    await this.#settle(false, signal)
    await this[Symbol.asyncDispose]()
    const source = this.#store.open(growingKey(name))
    const whole = compose(source, createZstdCompress()) as AsyncIterable<Buffer>
    await this.#store.put(wholeKey(name), whole, signal)
    await this.#store.remove(growingKey(name))
    this.#number += 1
    this.#after = this.#dialect.after(this.#after, this.#runs.all())
    this.#runs = new GrowingRuns()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const [file, times] = [this.#file, this.#times]
    this.#file = undefined
    this.#times = undefined
    await file?.[Symbol.asyncDispose]()
    await times?.[Symbol.asyncDispose]()
  }
}

/** Format events differ by their time and place only while one version writes. */
const isSameFormat = (one: Buffer, other: Buffer): boolean =>
  one.subarray(19, 71).equals(other.subarray(19, 71))

/** Cuts a stream into packets: a length (3 bytes), a number, and what a full one goes on with. */
class Splitter {
  readonly #each: (packet: Buffer) => void
  #rest = Buffer.alloc(0)
  #long: Buffer[] = []

  constructor(each: (packet: Buffer) => void) {
    this.#each = each
  }

  take(bytes: Buffer): void {
    let all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    for (;;) {
      const length = all.length < 4 ? undefined : all.readUIntLE(0, 3)
      if (length === undefined || all.length < 4 + length) break
      const body = all.subarray(4, 4 + length)
      all = all.subarray(4 + length)
      this.#long.push(body)
      if (length === 0xffffff) continue
      this.#each(Buffer.concat(this.#long))
      this.#long = []
    }
    this.#rest = Buffer.from(all)
  }
}
