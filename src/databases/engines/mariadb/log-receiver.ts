// Receives a MariaDB's log as a replica does (COM_BINLOG_DUMP by GTID), and keeps it in a store: in
// pieces that are binary logs of their own, so that every tool reads them.

import type { Socket } from 'node:net'
import { compose } from 'node:stream'
import { createZstdCompress } from 'node:zlib'
import { waker } from '../../../coordination/recipes/persevere.ts'
import { Fault } from '../../../foundation/fault.ts'
import { type Instant, instant } from '../../../foundation/time.ts'
import type { LogNews } from '../../backups/engine.ts'
import type { BackupStore, GrowingObject } from '../../backups/store.ts'
import { literal, type Session } from '../mysql-kin/session.ts'
import { magic } from './binary-log.ts'
import { parseGtids } from './gtid.ts'
import {
  growingKey,
  headKey,
  pieceName,
  pieceNames,
  readPiece,
  timesKey,
  untilKey,
  wholeKey,
} from './log-pieces.ts'

/** By this id the server knows the connection: no member's, and no primary's. */
const serverId = 4_294_967_291
const comBinlogDump = 0x12
/** The server says that it is there although it writes nothing, in nanoseconds. */
const heartbeat = 500_000_000
/** A server that says nothing for so long is gone. */
const silentMost = 10_000
const pieceMost = 16 * 1024 * 1024
const untilEvery = 5000
const waitingMost = 16 * 1024 * 1024

/** Types of events (binary log event docs). */
const types = { rotate: 4, stop: 3, format: 15, heartbeat: 27, gtid: 162, gtidList: 163 }

/** The last transaction that is kept and that this server has, too: it goes on from there. */
async function resumeAt(store: BackupStore, state: string): Promise<string | undefined> {
  const has = new Map(parseGtids(state).map(({ server, seq }) => [server, seq]))
  for (const name of (await pieceNames(store)).toReversed()) {
    const { groups, after } = await readPiece(store, name)
    for (const gtid of [...groups.map((each) => each.gtid).toReversed(), after]) {
      const [own] = parseGtids(gtid)
      if (own !== undefined && (has.get(own.server) ?? 0) >= own.seq) return gtid
    }
  }
  return undefined
}

/** Receives until the signal ends it, or the connection does; then rejects. */
export async function receiveLog(
  session: Session,
  store: BackupStore,
  now: () => Instant,
  told: (news: LogNews) => void,
  signal: AbortSignal,
): Promise<never> {
  const { state, at } = await session.one(
    'SELECT @@global.gtid_binlog_state AS state, @@global.gtid_binlog_pos AS at',
    signal,
  )
  const after = (await resumeAt(store, String(state))) ?? String(at)
  for (const statement of [
    'SET @mariadb_slave_capability = 4',
    'SET @master_binlog_checksum = @@global.binlog_checksum',
    `SET @master_heartbeat_period = ${heartbeat}`,
    `SET @slave_connect_state = ${literal(after)}`,
    'SET @slave_gtid_strict_mode = 1',
  ]) {
    await session.query(statement, signal)
  }
  const number = Number((await pieceNames(store)).at(-1) ?? 0) + 1
  await using keeper = new PieceKeeper(store, number, after, now, told)
  const socket = session.takeOver(dumpPacket())
  const end = (): void => void socket.destroy()
  signal.addEventListener('abort', end, { once: true })
  try {
    return await keeper.follow(socket, signal)
  } finally {
    signal.removeEventListener('abort', end)
    told({ receiving: false, until: undefined })
  }
}

/** COM_BINLOG_DUMP: offset (4 bytes), flags (2), server id (4), and no name: by GTID. */
function dumpPacket(): Buffer {
  const packet = Buffer.alloc(4 + 11)
  packet.writeUIntLE(11, 0, 3)
  packet.writeUInt8(comBinlogDump, 4)
  packet.writeUInt32LE(4, 5)
  packet.writeUInt32LE(serverId, 11)
  return packet
}

/** Writes what comes, in the order in which it comes. */
class PieceKeeper implements AsyncDisposable {
  readonly #store: BackupStore
  readonly #now: () => Instant
  readonly #told: (news: LogNews) => void
  #number: number
  #after: string
  #format: Buffer | undefined
  #file: GrowingObject | undefined
  #times: GrowingObject | undefined
  #offset = 0
  #timesOffset = 0
  #isDirty = false
  #lastGtid = ''
  #stated = 0
  /** Everything that was committed before this has come. */
  #until: number | undefined

  constructor(
    store: BackupStore,
    number: number,
    after: string,
    now: () => Instant,
    told: (news: LogNews) => void,
  ) {
    this.#store = store
    this.#number = number
    this.#after = after
    this.#lastGtid = after
    this.#now = now
    this.#told = told
  }

  async follow(socket: Socket, signal: AbortSignal): Promise<never> {
    const bell = waker()
    const packets: Buffer[] = []
    let [waiting, isOver] = [0, false]
    const splitter = new Splitter((packet) => {
      packets.push(packet)
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
      for (const packet of batch) await this.#take(packet, signal)
      await this.#settle(batch.length > 0, signal)
      socket.resume()
      if (packets.length > 0) continue
      if (isOver) throw new Fault('failed', 'the connection to the primary ended')
      await bell.wait(signal)
    }
  }

  async #take(packet: Buffer, signal: AbortSignal): Promise<void> {
    if (packet[0] === 0xff) {
      const [number, text] = [packet.readUInt16LE(1), packet.toString('utf8', 9)]
      throw new Fault('failed', `the primary does not send its log: ${number}, ${text}`)
    }
    if (packet[0] === 0xfe && packet.length < 9) {
      throw new Fault('failed', 'the primary sends no more of its log')
    }
    const event = packet.subarray(1)
    const type = event.readUInt8(4)
    if (type === types.format) {
      // Another server wrote what follows, or the same one anew.
      if (this.#format !== undefined && !isSameFormat(this.#format, event)) {
        await this.#finish(signal)
      }
      this.#format = Buffer.from(event)
      return
    }
    if (type === types.rotate || type === types.stop || type === types.gtidList) return
    // It has sent all that it has.
    this.#until = type === types.heartbeat ? this.#now() : event.readUInt32LE(0) * 1000
    if (type === types.heartbeat) return
    if (type === types.gtid) {
      if (this.#offset > pieceMost) await this.#finish(signal)
      const [server, seq] = [event.readUInt32LE(5), Number(event.readBigUInt64LE(19))]
      this.#lastGtid = `${event.readUInt32LE(27)}-${server}-${seq}`
    }
    await this.#append(event, signal)
  }

  async #append(event: Buffer, signal: AbortSignal): Promise<void> {
    if (this.#format === undefined) throw new Fault('corrupt', 'the log begins with no format')
    if (this.#file === undefined) {
      const name = pieceName(this.#number)
      const head = { after: this.#after, began: this.#now() }
      await this.#store.put(headKey(name), Buffer.from(JSON.stringify(head)), signal)
      this.#file = await this.#store.grow(growingKey(name))
      this.#times = await this.#store.grow(timesKey(name))
      const begin = Buffer.concat([magic, this.#format])
      await this.#file.write(0, begin)
      this.#offset = begin.length
      this.#timesOffset = 0
    }
    await this.#file.write(this.#offset, event)
    this.#offset += event.length
    this.#isDirty = true
  }

  /** Puts on disk what came, with the time; what follows is told to whoever looks. */
  async #settle(hasCome: boolean, signal: AbortSignal): Promise<void> {
    const now = this.#now()
    if (this.#isDirty && this.#file !== undefined && this.#times !== undefined) {
      await this.#file.sync()
      const line = Buffer.from(`${this.#offset} ${now}\n`)
      await this.#times.write(this.#timesOffset, line)
      this.#timesOffset += line.length
      await this.#times.sync()
      this.#isDirty = false
    }
    const until = this.#until
    if (!hasCome || until === undefined) return
    this.#told({ receiving: true, until: instant(until) })
    if (now - this.#stated < untilEvery) return
    this.#stated = now
    await this.#store.put(untilKey, Buffer.from(JSON.stringify({ until })), signal)
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
    this.#after = this.#lastGtid
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

/** When the log was received last, for whoever restores while nothing is received. */
export async function receivedUntil(store: BackupStore): Promise<Instant | undefined> {
  const text = (await store.read(untilKey))?.toString('utf8')
  return text === undefined ? undefined : instant(Number(JSON.parse(text).until))
}
