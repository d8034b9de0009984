// One member's PostgreSQL, as its keeper handles it: each wish one after the other, looks beside.

import { Fault } from '../../../foundation/fault.ts'
import type { Milliseconds } from '../../../foundation/time.ts'
import { blank } from '../../blank-sight.ts'
import type {
  EngineAbilities,
  FollowOrder,
  MemberEngine,
  MemberOptions,
  OpenMember,
  Promotion,
  Refreshed,
  ServerSight,
} from '../../engine.ts'
import type { AckSet } from '../../model.ts'
import { putRestored } from '../../restored-data.ts'
import { troubleOf } from '../../trouble.ts'
import { LentSessions } from '../lent-sessions.ts'
import { putAcks } from './acks.ts'
import { DivergenceWatch } from './divergence.ts'
import { freeze } from './freeze.ts'
import { unmarkHalf } from './half.ts'
import { initialise } from './initialise.ts'
import { promote } from './promote.ts'
import { quiesce } from './quiesce.ts'
import { refresh } from './refresh.ts'
import { follow } from './rejoin.ts'
import { Server } from './server.ts'
import { type Session, sqlState } from './session.ts'
import { lookAtRunning, lookAtStopped } from './sight.ts'
import { ensureSlots } from './slots.ts'
import { isForNow, isFullDisk, remedyFor } from './trouble.ts'

/** More members than anybody has. */
const ackMost = 100

/** Whatever is not a Fault by then becomes one, that says what was tried. */
async function failing<T>(what: string, server: Server, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown
    throw new Fault('failed', `${server.options.member} ${what}`, {
      remedy: `look into ${server.log.path}`,
      cause: thrown,
    })
  }
}

class PostgresMember implements MemberEngine {
  readonly can: EngineAbilities
  readonly #server: Server
  readonly #watch: DivergenceWatch
  readonly #background = new AbortController()
  readonly #looks: LentSessions<Session>
  #writer: Session | undefined
  #writing: Promise<void> | undefined

  constructor(server: Server, can: EngineAbilities) {
    this.#server = server
    this.#watch = new DivergenceWatch(server)
    this.#looks = new LentSessions((signal) => server.connect(signal, { replication: 'database' }))
    this.can = can
  }

  async look(signal: AbortSignal): Promise<ServerSight> {
    return await failing('could not be looked at', this.#server, async () => {
      if (this.#server.options.host.observe().kind !== 'running') return this.#lookAtStopped()
      try {
        return await this.#lookAtRunning(signal)
      } catch (thrown) {
        if (signal.aborted) throw thrown
        if (this.#server.options.host.observe().kind !== 'running') return this.#lookAtStopped()
        if (isForNow(thrown)) return { ...blank, server: 'starting' }
        return { ...blank, server: 'broken', ...troubleOf(this.#server.refusedUs(thrown)) }
      }
    })
  }

  tryWrite(signal: AbortSignal): Promise<void> {
    // One that still waits is joined: another would wait beside it, and none of them end.
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
    return unlessOver(this.#writing, signal)
  }

  initialise(signal: AbortSignal): Promise<void> {
    return failing('could not be initialised', this.#server, () => initialise(this.#server, signal))
  }

  freeze(signal: AbortSignal): Promise<void> {
    return failing('could not be frozen', this.#server, async () => {
      this.#mustHaveData()
      this.#watch.end()
      await freeze(this.#server, signal)
    })
  }

  promote(order: Promotion, signal: AbortSignal): Promise<void> {
    return failing('could not be promoted', this.#server, async () => {
      this.#mustHaveData()
      this.#watch.end()
      await promote(this.#server, order, signal)
      void this.#checkpoint()
    })
  }

  follow(order: FollowOrder, signal: AbortSignal): Promise<void> {
    return failing(`could not follow ${order.primary.member}`, this.#server, async () => {
      await follow(this.#server, order, signal)
      this.#watch.begin(order.primary, order.way !== 'follow')
    })
  }

  setAcks(acks: AckSet, signal: AbortSignal): Promise<void> {
    return failing('could not change who acknowledges', this.#server, async () => {
      await putAcks(this.#server, acks, signal)
      // The members may have changed as well.
      using session = await this.#server.connect(signal)
      await ensureSlots(this.#server, session, signal)
    })
  }

  refresh(signal: AbortSignal): Promise<Refreshed> {
    return failing('could not be given its settings', this.#server, () =>
      refresh(this.#server, signal),
    )
  }

  quiesce(within: Milliseconds, signal: AbortSignal): Promise<void> {
    return failing('could not be stopped as planned', this.#server, () =>
      quiesce(this.#server, within, signal),
    )
  }

  takeRestored(id: string, signal: AbortSignal): Promise<void> {
    return failing('could not take what was restored', this.#server, async () => {
      await this.#server.endAbruptly(signal)
      putRestored(this.#server.options, id)
      await unmarkHalf(this.#server.data)
      this.#server.forget()
    })
  }

  stop(within: Milliseconds, signal: AbortSignal): Promise<void> {
    return failing('could not be stopped', this.#server, () =>
      this.#server.endCleanly(within, signal),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#background.abort()
    this.#looks[Symbol.dispose]()
    this.#writer?.[Symbol.dispose]()
    this.#server[Symbol.dispose]()
  }

  #mustHaveData(): void {
    this.#server.checkFolder()
    if (this.#server.holding === 'data') return
    throw new Fault('not-found', `${this.#server.options.member} has no data`, {
      remedy: 'initialise it, or let it follow a primary',
    })
  }

  async #lookAtStopped(): Promise<ServerSight> {
    this.#looks.drop()
    const sight = await lookAtStopped(this.#server)
    const state = this.#server.options.host.observe()
    if (state.kind !== 'ended' || sight.server !== 'stopped') return sight
    const trouble = this.#server.log.lastTrouble() ?? state.why
    // It would only end again, until somebody has made room.
    const isFull = isFullDisk(trouble) && !this.#server.hasRoom
    const remedy = remedyFor(trouble, this.#server.log.path)
    return { ...sight, server: isFull ? 'broken' : 'stopped', why: trouble, remedy }
  }

  async #lookAtRunning(signal: AbortSignal): Promise<ServerSight> {
    const sight = await this.#looks.use(signal, (session) =>
      lookAtRunning(this.#server, session, signal),
    )
    if (sight.server !== 'replica' || sight.upstream !== undefined) return sight
    const { upstream } = this.#server.course
    if (upstream === undefined || sight.received === undefined) return sight
    const why = this.#server.log.lastTrouble()
    return { ...sight, why, diverged: this.#watch.check(upstream, sight.received) }
  }

  /** Ends with its connection, whatever became of who asked for it. */
  async #write(): Promise<void> {
    const { signal } = this.#background
    try {
      if (this.#writer === undefined || this.#writer.isOver) {
        this.#writer = await this.#server.connect(signal)
      }
      await this.#writer.query(
        `INSERT INTO alwayson.probe (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET at = now()`,
        signal,
      )
    } catch (thrown) {
      this.#writer?.[Symbol.dispose]()
      this.#writer = undefined
      throw new Fault('failed', `${this.#server.options.member} does not take a write`, {
        remedy: `look into ${this.#server.log.path}`,
        cause: thrown,
      })
    }
  }

  /** Whoever rewinds reads the source's last checkpoint: the first one is made soon. */
  async #checkpoint(): Promise<void> {
    const { signal } = this.#background
    try {
      using session = await this.#server.connect(signal)
      await session.query('CHECKPOINT', signal)
    } catch (thrown) {
      if (signal.aborted || isForNow(thrown) || sqlState(thrown) === '57P01') return
      this.#server.options.event('checkpoint-failed', 'the first checkpoint could not be made', {
        said: String(thrown),
      })
    }
  }
}

/** What it comes to, unless the signal ends first; the work itself goes on. */
async function unlessOver(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<never>()
  const end = (): void =>
    over.reject(
      new Fault('timed-out', 'a write was not acknowledged in time', {
        remedy: 'see whether its replicas receive',
        cause: signal.reason,
      }),
    )
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  try {
    await Promise.race([work, over.promise])
  } finally {
    signal.removeEventListener('abort', end)
  }
}

/** A server that runs is looked after also where the programs to start it anew are missing. */
async function canRewind(server: Server): Promise<boolean> {
  try {
    return (await server.programs()).rewind !== undefined
  } catch (thrown) {
    if (server.options.host.observe().kind !== 'running' || !(thrown instanceof Fault)) throw thrown
    server.options.event('programs-refused', thrown.message, { remedy: thrown.remedy })
    return false
  }
}

/** Opens the engine of one member. Starts nothing. Rejects with a `Fault` where it never could. */
export const openPostgres: OpenMember = async (options: MemberOptions) => {
  const server = new Server(options)
  const rewind = await canRewind(server)
  return new PostgresMember(server, { rewind, ackMost })
}
