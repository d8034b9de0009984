// Keeps the log of a primary in a store while it is written: whole segments compressed, the one
// that grows as it is, and the histories of timelines, so that it goes on over every failover.

import { compose } from 'node:stream'
import { createZstdCompress } from 'node:zlib'
import { waker } from '../../../coordination/recipes/persevere.ts'
import { describeError, Fault } from '../../../foundation/fault.ts'
import { type Instant, instant, ms } from '../../../foundation/time.ts'
import type { LogNews } from '../../backups/engine.ts'
import type { BackupStore, GrowingObject } from '../../backups/store.ts'
import type { MemberAddress } from '../../engine.ts'
import type { Position } from '../../model.ts'
import { goneWords } from './divergence.ts'
import { type LogHeld, resumeAt } from './log-chain.ts'
import { type LogPart, type LogStart, LogStream, type LogTaker } from './log-stream.ts'
import { historyName, parseHistory, parseSegmentName, segmentName } from './lsn.ts'
import { pauseFor } from './patience.ts'
import type { ReplicationDoor, ServerHistory } from './replication-door.ts'
import type { Session } from './session.ts'

const folder = 'log'
const wholeEnd = '.zst'
const growingEnd = '.growing'
const statePath = `${folder}/received.json`

/** Writes are put on disk together: each for itself would slow the database's own. */
const syncEvery = 100
/** While nothing comes the server is asked for its time after so long. */
const idleEvery = 1000
/** So many bytes are put on disk at once at most; above it the stream is paused. */
const pending = { most: 8 * 1024 * 1024, least: 1024 * 1024 }
/** How often it is written down until when the log was received, though nothing was. */
const stateEvery = 5000

/** What lies in the store. */
export async function heldIn(store: BackupStore): Promise<LogHeld> {
  const segments = new Set<string>()
  const growing = new Map<string, number>()
  const histories: ReturnType<typeof parseHistory>[] = []
  for (const { key, bytes } of await store.list(`${folder}/`)) {
    const name = key.slice(folder.length + 1)
    if (name.endsWith(wholeEnd)) segments.add(name.slice(0, -wholeEnd.length))
    else if (name.endsWith(growingEnd)) growing.set(name.slice(0, -growingEnd.length), bytes)
    else if (name.endsWith('.history')) {
      const text = (await store.read(key))?.toString('utf8') ?? ''
      histories.push(parseHistory(Number.parseInt(name.slice(0, 8), 16), text))
    }
  }
  for (const name of segments) growing.delete(name)
  const { segmentBytes } = await stateOf(store)
  return { segmentBytes, segments, growing, histories }
}

interface State {
  readonly segmentBytes: number
  readonly until: number | undefined
}

/** What was last written down of how far it is. */
export async function stateOf(store: BackupStore): Promise<State> {
  const text = (await store.read(statePath))?.toString('utf8')
  const kept = text === undefined ? {} : (JSON.parse(text) as Partial<State>)
  return { segmentBytes: kept.segmentBytes ?? 16 * 1024 * 1024, until: kept.until }
}

/** Keys of what the store has of one piece. */
export const segmentKey = (name: string): string => `${folder}/${name}${wholeEnd}`
export const growingKey = (name: string): string => `${folder}/${name}${growingEnd}`
export const historyKey = (line: number): string => `${folder}/${historyName(line)}`

/**
 * Receives until the signal ends it, or the connection does; then rejects. Where the primary has no
 * more of what is wanted next, it goes on from where that is: what is kept has a gap then.
 */
export async function receiveLog(
  door: ReplicationDoor,
  primary: MemberAddress,
  store: BackupStore,
  told: (news: LogNews) => void,
  signal: AbortSignal,
): Promise<never> {
  const segmentBytes = await door.ensureSlot(primary, signal)
  using session = await door.open(primary, signal)
  const end = (): void => session[Symbol.dispose]()
  signal.addEventListener('abort', end, { once: true })
  const receive = (self: Position, from: Position): Promise<never> =>
    receiveFrom({ door, session, store, segmentBytes, told }, self, from, signal)
  const startOf = ({ line, at }: Position): Position => ({ line, at: at - (at % segmentBytes) })
  try {
    const { position, history } = await askAndKeep(door, session, store, signal)
    const from = resumeAt({ ...(await heldIn(store)), segmentBytes }, history)
    if (from === undefined) return await receive(position, startOf(position))
    try {
      return await receive(position, from)
    } catch (thrown) {
      if (!goneWords.test(describeError(thrown))) throw thrown
    }
    // To ask for it again and again would bring nothing: no backup would be made any more.
    const { position: now } = await askAndKeep(door, session, store, signal)
    return await receive(now, startOf(now))
  } finally {
    signal.removeEventListener('abort', end)
    told({ receiving: false, until: undefined })
  }
}

/** What the server says of itself; what leads to its timeline is kept. */
async function askAndKeep(
  door: ReplicationDoor,
  session: Session,
  store: BackupStore,
  signal: AbortSignal,
): Promise<ServerHistory> {
  const self = await door.ask(session, signal)
  if (self.historyText !== undefined) {
    await store.put(historyKey(self.position.line), Buffer.from(self.historyText), signal)
  }
  return self
}

interface Receiver {
  readonly door: ReplicationDoor
  readonly session: Session
  readonly store: BackupStore
  readonly segmentBytes: number
  readonly told: (news: LogNews) => void
}

/** Receives from there on, over every timeline that follows, of a server that is at `self`. */
async function receiveFrom(
  { door, session, store, segmentBytes, told }: Receiver,
  self: Position,
  first: Position,
  signal: AbortSignal,
): Promise<never> {
  let from = first
  for (;;) {
    await using writer = new SegmentWriter(store, segmentBytes, from, door.now, told)
    const start = { ...from, slot: door.slot, written: self.at }
    const next = await writer.follow(session, start, signal).finally(() => writer.state())
    if (next === undefined) throw new Fault('failed', 'the log of the primary ended')
    from = { line: next.line, at: next.at - (next.at % segmentBytes) }
  }
}

interface Clock {
  readonly end: number
  readonly at: Instant
}

/** Writes what one stream brings, in the order in which it comes. */
class SegmentWriter implements LogTaker, AsyncDisposable {
  readonly #store: BackupStore
  readonly #segmentBytes: number
  readonly #line: number
  readonly #now: () => Instant
  readonly #told: (news: LogNews) => void
  readonly #bell = waker()
  readonly #parts: LogPart[] = []
  #waiting = 0
  /** Written, and on disk. */
  #written: number
  #flushed: number
  #isAsked = false
  #isOver = false
  /** When it was last put on disk, by the clock here. */
  #settled = 0
  /** Up to where the server had written at a moment: what is waited for, and the last that came. */
  #goal: Clock | undefined
  #clock: Clock | undefined
  #until: Instant | undefined
  #stated = 0
  #growing: { readonly name: string; readonly object: GrowingObject } | undefined
  #stream: LogStream | undefined
  #session: Session | undefined

  constructor(
    store: BackupStore,
    segmentBytes: number,
    from: Position,
    now: () => Instant,
    told: (news: LogNews) => void,
  ) {
    this.#store = store
    this.#segmentBytes = segmentBytes
    this.#line = from.line
    this.#written = from.at
    this.#flushed = from.at
    this.#now = now
    this.#told = told
  }

  /** Resolves when the timeline has ended, and all of it is on disk. */
  async follow(session: Session, from: LogStart, signal: AbortSignal) {
    this.#session = session
    this.#stream = new LogStream(session, from, this)
    const running = this.#stream.run().finally(() => {
      this.#isOver = true
      this.#bell.wake()
    })
    running.catch(() => {})
    while (!this.#isOver || this.#parts.length > 0) {
      await this.#drain(signal)
      await this.#settle()
      if (this.#isOver || this.#parts.length > 0) continue
      await this.#rest(signal)
    }
    return await running
  }

  async #rest(signal: AbortSignal): Promise<void> {
    const timer = setTimeout(this.#bell.wake, idleEvery)
    try {
      await this.#bell.wait(signal)
    } finally {
      clearTimeout(timer)
    }
    // What comes within a moment is put on disk together, unless somebody waits for it.
    if (!this.#isAsked && !this.#isOver) await pauseFor(ms(syncEvery), signal)
  }

  part(part: LogPart): void {
    this.#parts.push(part)
    this.#waiting += part.bytes.length
    if (this.#waiting > pending.most) this.#session?.stream.pause()
    this.#bell.wake()
  }

  clock(end: number, at: Instant): void {
    this.#clock = { end, at }
    // While more keeps coming than is on disk, the last one is never reached.
    this.#goal ??= this.#clock
  }

  asks(): void {
    this.#isAsked = true
    this.#bell.wake()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const growing = this.#growing
    this.#growing = undefined
    await growing?.object[Symbol.asyncDispose]()
  }

  /** Until nothing is left, or what is there has to be put on disk: more may come all the time. */
  async #drain(signal: AbortSignal): Promise<void> {
    while (this.#parts.length > 0) {
      const parts = this.#parts.splice(0)
      for (const { at, bytes } of joined(parts)) await this.#write(at, bytes, signal)
      this.#waiting -= parts.reduce((sum, { bytes }) => sum + bytes.length, 0)
      if (this.#waiting < pending.least) this.#session?.stream.resume()
      if (this.#isAsked || this.#now() - this.#settled >= syncEvery) return
    }
  }

  async #write(from: number, all: Buffer, signal: AbortSignal): Promise<void> {
    let at = from
    let bytes = all
    while (bytes.length > 0) {
      const start = at - (at % this.#segmentBytes)
      const part = bytes.subarray(0, start + this.#segmentBytes - at)
      const object = await this.#object(segmentName(this.#line, start, this.#segmentBytes))
      await object.write(at - start, part)
      at += part.length
      bytes = bytes.subarray(part.length)
      this.#written = at
      if (at % this.#segmentBytes === 0) await this.#complete(signal)
    }
  }

  async #object(name: string): Promise<GrowingObject> {
    if (this.#growing?.name === name) return this.#growing.object
    await this[Symbol.asyncDispose]()
    this.#growing = { name, object: await this.#store.grow(growingKey(name)) }
    return this.#growing.object
  }

  /** The segment that grew is full: it is kept compressed, and what grew is removed after that. */
  async #complete(signal: AbortSignal): Promise<void> {
    const growing = this.#growing
    if (growing === undefined) return
    await growing.object.sync()
    this.#flushed = this.#written
    await this[Symbol.asyncDispose]()
    const source = this.#store.open(growingKey(growing.name))
    const whole = compose(source, createZstdCompress()) as AsyncIterable<Buffer>
    await this.#store.put(segmentKey(growing.name), whole, signal)
    await this.#store.remove(growingKey(growing.name))
  }

  /** Puts on disk what was written, and says so: to the server, and to whoever looks. */
  async #settle(): Promise<void> {
    if (this.#flushed < this.#written) {
      await this.#growing?.object.sync()
      this.#flushed = this.#written
    }
    this.#isAsked = false
    this.#settled = this.#now()
    if (this.#session?.isOver === false && !this.#isOver) {
      this.#stream?.confirm(this.#flushed, this.#now())
    }
    const until = this.#reached()
    if (until === undefined) return
    this.#until = until
    this.#told({ receiving: true, until })
    if (this.#now() - this.#stated < stateEvery) return
    await this.state()
  }

  /** The last moment up to which all is on disk, if that is known of one that was waited for. */
  #reached(): Instant | undefined {
    const clocks = [this.#goal, this.#clock]
    const found = clocks.findLast((clock) => clock !== undefined && clock.end <= this.#flushed)
    if (found !== undefined) this.#goal = found === this.#clock ? undefined : this.#clock
    return found?.at
  }

  /** Writes down until when the log was received: also at the end, of a history that is over. */
  async state(): Promise<void> {
    if (this.#until === undefined) return
    this.#stated = this.#now()
    const state = { segmentBytes: this.#segmentBytes, until: this.#until }
    await this.#store.put(
      statePath,
      Buffer.from(JSON.stringify(state)),
      AbortSignal.timeout(10_000),
    )
  }
}

/** Neighbours as one. */
function joined(parts: readonly LogPart[]): readonly LogPart[] {
  const groups: { readonly at: number; readonly all: Buffer[]; end: number }[] = []
  for (const { at, bytes } of parts) {
    const last = groups.at(-1)
    if (last !== undefined && last.end === at) {
      last.all.push(bytes)
      last.end += bytes.length
    } else groups.push({ at, all: [bytes], end: at + bytes.length })
  }
  return groups.map(({ at, all }) => ({ at, bytes: Buffer.concat(all) }))
}

/** When the log was received last, for whoever restores while nothing is received. */
export async function receivedUntil(store: BackupStore): Promise<Instant | undefined> {
  const { until } = await stateOf(store)
  return until === undefined ? undefined : instant(until)
}

/** What a piece's name says: one that is no segment is a mistake of ours. */
export const placeOf = (name: string, segmentBytes: number): Position => {
  const piece = parseSegmentName(name, segmentBytes)
  if (piece === undefined) throw new Fault('corrupt', `${name} is no segment of the log`)
  return { line: piece.line, at: piece.start }
}
