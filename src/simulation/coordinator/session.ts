// One process's session with the simulated ensemble, as the port that rooms see: it connects, loses
// connections, connects again, and in the end is over.

import { ZooKeeperError } from '../../coordination/client/errors.ts'
import type { CoordinationNews, Coordinator } from '../../coordination/coordinator.ts'
import type { CoordinationNode, NodeChange } from '../../coordination/model.ts'
import { below, type Random } from '../../foundation/random.ts'
import { type Clock, type Milliseconds, ms } from '../../foundation/time.ts'
import type { Attached, Ears, Ensemble } from './ensemble.ts'
import { type Cuts, Link } from './link.ts'
import type { Ask, Value } from './protocol.ts'

/** What a session stands on. */
export interface SessionOptions {
  readonly ensemble: Ensemble
  /** The network's clock. */
  readonly wire: Clock
  /** The process's clock: it may be fast or slow, and stands still while it is stopped. */
  readonly clock: Clock
  readonly random: Random
  readonly delay: () => Milliseconds
  readonly timeout: Milliseconds
  /** What does not pass between this process and each server when a connection is made. */
  readonly cuts: (server: number) => Cuts
  /** Hands what comes from outside to the process: later, if it is stopped. */
  readonly arrives: (then: () => void) => void
  /** Something happened in the process that promises may wait for. */
  readonly stirred: () => void
}

interface Pending {
  readonly ask: Ask
  sent: boolean
  readonly resolve: (value: Value) => void
  readonly reject: (error: unknown) => void
}

interface Watch {
  readonly path: string
  readonly deep: boolean
  readonly listener: (news: CoordinationNews) => void
}

interface Connection {
  readonly server: number
  readonly link: Link
  attached: Attached | undefined
  /** Asked on it and not answered yet. */
  readonly asked: Set<Pending>
}

const never = new AbortController().signal

/** A coordinator on the simulated ensemble, and the handles by which a test harms it. */
export class SimulatedSession implements Coordinator, AsyncDisposable {
  readonly timeout: Milliseconds
  readonly #options: SessionOptions
  readonly #over = new AbortController()
  readonly #watches = new Set<Watch>()
  /** Asked while there was no connection. */
  readonly #queue: Pending[] = []
  readonly #met = Promise.withResolvers<undefined>()
  #session = 0n
  #seen = 0n
  #connection: Connection | undefined
  #heard: number
  #timers: Disposable[] = []

  constructor(options: SessionOptions) {
    this.#options = options
    this.timeout = options.timeout
    this.#heard = options.clock.now()
    this.#met.promise.catch(() => {})
    this.#connect()
    this.#watchOver()
  }

  get session(): bigint {
    return this.#session
  }

  get over(): AbortSignal {
    return this.#over.signal
  }

  /** Resolves once there is a session; rejects if it is over before. */
  get connected(): Promise<undefined> {
    return this.#met.promise
  }

  read(path: string, signal?: AbortSignal): Promise<CoordinationNode | undefined> {
    return this.#ask({ kind: 'read', path }, signal) as Promise<CoordinationNode | undefined>
  }

  list(path: string, signal?: AbortSignal): Promise<readonly string[] | undefined> {
    return this.#ask({ kind: 'list', path }, signal) as Promise<readonly string[] | undefined>
  }

  write(changes: readonly NodeChange[], signal?: AbortSignal): Promise<readonly string[]> {
    return this.#ask({ kind: 'write', changes }, signal) as Promise<readonly string[]>
  }

  async sync(signal?: AbortSignal): Promise<void> {
    await this.#ask({ kind: 'sync' }, signal)
  }

  async watch(
    path: string,
    deep: boolean,
    listener: (news: CoordinationNews) => void,
    signal?: AbortSignal,
  ): Promise<AsyncDisposable> {
    const watch = { path, deep, listener }
    this.#watches.add(watch)
    try {
      await this.#ask({ kind: 'watch', path, deep }, signal)
    } catch (thrown) {
      this.#watches.delete(watch)
      throw thrown
    }
    return {
      [Symbol.asyncDispose]: async () => {
        this.#watches.delete(watch)
      },
    }
  }

  /** Ends the session in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.over.aborted) return
    if (this.#connection?.attached !== undefined) {
      await this.#ask({ kind: 'close' }).catch(() => {})
    }
    this.#end('it was closed')
  }

  /** What passes between this process and the server it is connected to. */
  cut(cuts: (server: number) => Cuts): void {
    const connection = this.#connection
    if (connection !== undefined) connection.link.cut(cuts(connection.server))
  }

  /** The connection breaks, and both sides notice. */
  reset(): void {
    const connection = this.#connection
    if (connection === undefined) return
    connection.link.close()
    connection.attached?.end()
    this.#lose(connection)
  }

  /** The process dies: nothing is said, nothing is heard any more. */
  kill(): void {
    const connection = this.#connection
    // The kernel closes what the process had open.
    connection?.link.close()
    connection?.attached?.end()
    this.#connection = undefined
    this.#end('its process died')
  }

  #ask(ask: Ask, signal: AbortSignal = never): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      if (this.over.aborted) return reject(this.over.reason)
      const pending: Pending = { ask, sent: false, resolve, reject }
      if (signal !== never) this.#abortable(pending, signal)
      const connection = this.#connection
      if (connection?.attached === undefined) this.#queue.push(pending)
      else this.#send(connection, pending)
    })
  }

  /** An aborted signal takes back what was not sent, and stops waiting for what was. */
  #abortable(pending: Pending, signal: AbortSignal): void {
    const abort = (): void => {
      const at = this.#queue.indexOf(pending)
      if (at >= 0) this.#queue.splice(at, 1)
      pending.reject(signal.reason)
    }
    const { resolve, reject } = pending
    Object.assign(pending, {
      resolve: (value: Value) => {
        signal.removeEventListener('abort', abort)
        resolve(value)
      },
      reject: (error: unknown) => {
        signal.removeEventListener('abort', abort)
        reject(error)
      },
    })
    signal.addEventListener('abort', abort, { once: true })
  }

  #send(connection: Connection, pending: Pending): void {
    pending.sent = true
    connection.asked.add(pending)
    const settle = (then: () => void): void =>
      connection.link.down.send(() =>
        this.#hears(connection, () => {
          if (connection.asked.delete(pending)) then()
        }),
      )
    connection.link.up.send(() =>
      connection.attached?.ask(pending.ask, {
        answer: (value) => {
          const seen = connection.attached?.seen ?? 0n
          settle(() => {
            if (seen > this.#seen) this.#seen = seen
            pending.resolve(value)
          })
        },
        refuse: (error) => settle(() => pending.reject(error)),
      }),
    )
  }

  #connect(): void {
    if (this.over.aborted) return
    const { ensemble, wire, random, delay, cuts, clock } = this.#options
    const server = below(random, ensemble.count)
    const link = new Link(wire, delay, cuts(server))
    const connection: Connection = { server, link, attached: undefined, asked: new Set() }
    this.#connection = connection
    const tooLong = clock.after(ms(this.timeout / 3), () => {
      if (connection.attached === undefined || this.#session === 0n) this.#lose(connection)
    })
    const wish = { session: this.#session, timeout: this.timeout, seen: this.#seen }
    link.up.send(() => {
      const attached = ensemble.attach(server, wish, this.#earsOf(connection))
      if (attached === undefined) return link.down.send(() => this.#away(connection))
      link.down.send(() =>
        this.#hears(connection, () => {
          tooLong[Symbol.dispose]()
          if (attached === 'expired') return this.#expire()
          this.#established(connection, attached)
        }),
      )
    })
  }

  /** The server has closed it, or does not take it. */
  #away(connection: Connection): void {
    this.#options.arrives(() => this.#lose(connection))
  }

  #earsOf(connection: Connection): Ears {
    return {
      event: (path, deep) =>
        connection.link.down.send(() =>
          this.#hears(connection, () => {
            for (const watch of [...this.#watches]) {
              if (watch.deep === deep && concerns(watch, path))
                watch.listener({ kind: 'changed', path })
            }
          }),
        ),
      ended: () => connection.link.down.send(() => this.#away(connection)),
    }
  }

  #established(connection: Connection, attached: Attached): void {
    connection.attached = attached
    const resumed = this.#session !== 0n
    this.#session = attached.session
    this.#met.resolve(undefined)
    const quiet = { resolve() {}, reject() {} }
    for (const { path, deep } of this.#watches) {
      this.#send(connection, { ask: { kind: 'watch', path, deep }, sent: false, ...quiet })
    }
    // What happened meanwhile was not heard.
    if (resumed) {
      for (const { path, listener } of [...this.#watches]) listener({ kind: 'changed', path })
    }
    for (const pending of this.#queue.splice(0)) this.#send(connection, pending)
    this.#keep(connection)
  }

  /** Pings, and notices when nothing is heard. */
  #keep(connection: Connection): void {
    const { clock } = this.#options
    if (this.#connection !== connection || this.over.aborted) return
    if (clock.now() - this.#heard >= (2 * this.timeout) / 3) return this.#lose(connection)
    const quiet = { resolve() {}, reject() {} }
    this.#send(connection, { ask: { kind: 'ping' }, sent: false, ...quiet })
    this.#later(ms(this.timeout / 3), () => this.#keep(connection))
  }

  #lose(connection: Connection): void {
    if (this.#connection !== connection || this.over.aborted) return
    // What is under way still arrives, unless the session is on another connection by then.
    connection.link.down.close()
    this.#connection = undefined
    for (const pending of connection.asked) {
      const maybeApplied = pending.ask.kind === 'write' && pending.sent
      pending.reject(new ZooKeeperError('connection-loss', pending.ask.kind, { maybeApplied }))
    }
    connection.asked.clear()
    this.#options.stirred()
    this.#later(ms(5 + below(this.#options.random, 40)), () => {
      if (this.#connection === undefined) this.#connect()
    })
  }

  /** Whoever can reach nobody concludes by itself that its session is over. */
  #watchOver(): void {
    const { clock } = this.#options
    if (this.over.aborted) return
    const left = this.#heard + (4 * this.timeout) / 3 - clock.now()
    if (left <= 0) return this.#expire()
    this.#later(ms(left), () => this.#watchOver())
  }

  #hears(connection: Connection, then: () => void): void {
    this.#options.arrives(() => {
      if (this.#connection !== connection || this.over.aborted) return
      this.#heard = this.#options.clock.now()
      then()
    })
  }

  #later(wait: Milliseconds, then: () => void): void {
    if (this.#timers.length > 16) this.#timers = this.#timers.slice(-8)
    this.#timers.push(this.#options.clock.after(wait, then))
  }

  #expire(): void {
    this.#end('it has expired')
  }

  #end(why: string): void {
    if (this.over.aborted) return
    this.#connection?.link.close()
    const asked = [...(this.#connection?.asked ?? []), ...this.#queue.splice(0)]
    this.#connection = undefined
    for (const timer of this.#timers) timer[Symbol.dispose]()
    const error = new ZooKeeperError('session-expired', 'go on', { cause: new Error(why) })
    this.#over.abort(error)
    this.#met.reject(error)
    for (const pending of asked) pending.reject(error)
    for (const { listener } of [...this.#watches]) listener({ kind: 'over' })
    this.#watches.clear()
    this.#options.stirred()
  }
}

const concerns = (watch: Watch, path: string): boolean =>
  watch.path === path ||
  (watch.deep && path.startsWith(watch.path === '/' ? '/' : `${watch.path}/`))
