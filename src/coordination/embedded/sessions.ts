// Which sessions live, and until when? Pure: the caller brings the time; ids and passwords come
// with the transactions that make sessions, so that a replayed log gives the same ones.

import { timingSafeEqual } from 'node:crypto'
import type { SessionLimits } from './model.ts'

/** What a client keeps over its connections. */
export interface Session {
  /** Below 2^53; never given twice. */
  readonly id: number
  readonly password: Buffer
  /** What was agreed with the connection it has now, or had last. */
  timeoutMs: number
  /** When it was heard last. */
  heardAt: number
  /** Its end is on its way to the disk: it may not do anything more. */
  closing: boolean
  /** The bucket of `Sessions` that it waits in. */
  bucket: number
}

/** What a client asks for, made to fit the server's limits (ZooKeeperServer.java). */
export const negotiatedTimeout = (asked: number, limits: SessionLimits): number =>
  Math.min(Math.max(asked, limits.timeoutLeastMs), limits.timeoutMostMs)

/**
 * The sessions of a server, in buckets of one tick by the time they may end. A session that is
 * heard only notes the time; it moves to a later bucket when its own comes up.
 */
export class Sessions {
  readonly #limits: SessionLimits
  readonly #byId = new Map<number, Session>()
  readonly #buckets = new Map<number, Set<Session>>()
  #nextBucket: number
  #lastId: number

  /** Ids begin behind what the clock says, so that no earlier start of the server gave them. */
  constructor(limits: SessionLimits, now: number) {
    this.#limits = limits
    this.#lastId = Math.floor(now) * 1024
    this.#nextBucket = this.#bucketOf(now)
  }

  get size(): number {
    return this.#byId.size
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#byId.values()
  }

  get(id: number): Session | undefined {
    return this.#byId.get(id)
  }

  /** The last id that was given. */
  get lastId(): number {
    return this.#lastId
  }

  /** No id up to `id` is given any more. */
  skipTo(id: number): void {
    if (id > this.#lastId) this.#lastId = id
  }

  /** An id that no session had. */
  nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  #bucketOf(at: number): number {
    return Math.floor(at / this.#limits.tickMs) + 1
  }

  #wait(session: Session): void {
    const at = this.#bucketOf(session.heardAt + session.timeoutMs)
    session.bucket = Math.max(at, this.#nextBucket)
    const bucket = this.#buckets.get(session.bucket)
    if (bucket === undefined) this.#buckets.set(session.bucket, new Set([session]))
    else bucket.add(session)
  }

  /** Takes up a session: a new one, or one that the disk kept. */
  open(id: number, timeoutMs: number, password: Buffer, now: number): Session {
    const session: Session = {
      id,
      password: Buffer.from(password),
      timeoutMs,
      heardAt: now,
      closing: false,
      bucket: 0,
    }
    this.skipTo(id)
    this.#byId.set(id, session)
    this.#wait(session)
    return session
  }

  close(id: number): void {
    const session = this.#byId.get(id)
    if (session === undefined) return
    session.closing = true
    this.#byId.delete(id)
    this.#buckets.get(session.bucket)?.delete(session)
  }

  /** The session that a client may go on with: it exists, and the password is its own. */
  reopen(id: number, password: Buffer, timeoutMs: number, now: number): Session | undefined {
    const session = this.#byId.get(id)
    if (session === undefined || session.closing) return undefined
    if (password.length !== session.password.length) return undefined
    if (!timingSafeEqual(password, session.password)) return undefined
    session.timeoutMs = timeoutMs
    session.heardAt = now
    this.#buckets.get(session.bucket)?.delete(session)
    this.#wait(session)
    return session
  }

  /** The sessions that were not heard for their whole time, up to a tick later. */
  expired(now: number): readonly Session[] {
    const over: Session[] = []
    for (const last = this.#bucketOf(now) - 1; this.#nextBucket <= last; this.#nextBucket += 1) {
      const bucket = this.#buckets.get(this.#nextBucket)
      if (bucket === undefined) continue
      this.#buckets.delete(this.#nextBucket)
      for (const session of bucket) {
        if (session.closing) continue
        if (this.#bucketOf(session.heardAt + session.timeoutMs) <= this.#nextBucket) {
          over.push(session)
        } else this.#wait(session)
      }
    }
    return over
  }

  /**
   * Gives every session so much longer: the server itself did not run, and so could not hear
   * anybody.
   */
  forgive(lengthMs: number): void {
    this.#buckets.clear()
    for (const session of this.#byId.values()) {
      session.heardAt += lengthMs
      this.#wait(session)
    }
  }

  /** The sessions by the time they may end: for `dump`. */
  *byExpiry(): Generator<readonly [at: number, sessions: readonly Session[]]> {
    const times = new Map<number, Session[]>()
    for (const session of this.#byId.values()) {
      const at = this.#bucketOf(session.heardAt + session.timeoutMs) * this.#limits.tickMs
      times.set(at, [...(times.get(at) ?? []), session])
    }
    yield* [...times].toSorted(([a], [b]) => a - b)
  }
}
