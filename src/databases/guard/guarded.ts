// A database server's process as its agent sees it: through the guard that holds it, which an agent
// before may have left running.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { type Link, openLink } from '../../control/link.ts'
import {
  bootId,
  entryBeside,
  guardNodeFlags,
  isAlive,
  signalProcess,
} from '../../control/processes.ts'
import { readWhole } from '../../control/whole-file.ts'
import { describeError, Fault } from '../../foundation/fault.ts'
import { type Clock, type Milliseconds, ms, sleep } from '../../foundation/time.ts'
import type { Lease, ServerHost, ServerLaunch, ServerProcess } from '../host.ts'
import { type GuardPaths, guardPaths } from './paths.ts'
import type { GuardMessage, GuardRecord, HostMessage } from './protocol.ts'
import { killAll } from './server.ts'

/** What the process of a member is opened with. */
export interface GuardedOptions {
  /** The folder of all guards: private to this user. */
  readonly folder: string
  readonly member: string
  readonly version: string
  readonly clock: Clock
  /** Something for the journal: `why` completes "because …". */
  readonly event: (rule: string, why: string) => void
  /** For tests: a guard that says nothing for so long, on the same machine, will not. */
  readonly answerWithin?: Milliseconds
}

/** A server's process under a guard. */
export interface GuardedHost extends ServerHost {
  /** Lets go of the guard and leaves it, and what it holds, running. */
  leave(): void
  /** Ends the guard, and the server if it still runs; resolves when both are gone. */
  quit(): Promise<void>
}

/**
 * Adopts the guard of a member, or starts one; its server is not touched. What a guard that has
 * died left running is ended: nobody could tell it that its time is over. Rejects with a Fault.
 */
export async function openGuarded(options: GuardedOptions): Promise<GuardedHost> {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 })
  const host = new Guarded(options, guardPaths(options.folder, options.member))
  await host.open()
  return host
}

const usualAnswerWithin = ms(5000)

/** Another guard that could not be started (no memory, no process to be had) is tried again. */
const againAfter = ms(3000)

type Request = Extract<HostMessage, { number: number }>
type Asked<T> = T extends { number: number } ? Omit<T, 'number'> : never

class Guarded implements GuardedHost {
  readonly #options: GuardedOptions
  readonly #paths: GuardPaths
  readonly #listeners = new Set<() => void>()
  readonly #waiting = new Map<number, (failure: Error | undefined) => void>()
  #link: Link<HostMessage> | undefined
  #process: ServerProcess = { kind: 'none' }
  #number = 0
  readonly #left = new AbortController()
  /** Why no guard could be started last; empty: none is missing, or the first try goes on. */
  #trouble = ''
  #opening: Promise<void> = Promise.resolve()
  #over: (() => void) | undefined

  constructor(options: GuardedOptions, paths: GuardPaths) {
    this.#options = options
    this.#paths = paths
  }

  async open(): Promise<void> {
    const record = this.#record()
    if (record !== undefined && isAlive(record.guard) && (await this.#adopt(record))) return
    if (record?.server !== undefined && isAlive(record.server)) {
      this.#options.event('guard-lost', 'its guard has died: the server is ended with it')
      killAll(record.server)
    }
    await this.#spawn()
    await this.#meet()
  }

  /** One that does not answer is ended: it could not be told that its server's time is over. */
  async #adopt({ guard }: GuardRecord): Promise<boolean> {
    try {
      const { answerWithin = usualAnswerWithin } = this.#options
      await this.#meet(AbortSignal.timeout(answerWithin))
      return true
    } catch (thrown) {
      this.#options.event('guard-lost', `its guard does not answer: ${describeError(thrown)}`)
      signalProcess(guard, 'SIGKILL')
      return false
    }
  }

  #record(): GuardRecord | undefined {
    const text = readWhole(this.#paths.record)
    if (text === undefined) return undefined
    try {
      const record = JSON.parse(text) as GuardRecord
      return record.boot === bootId() ? record : undefined
    } catch (cause) {
      throw new Fault('corrupt', `${this.#paths.record} cannot be read`, {
        cause,
        remedy: `if no server of ${this.#options.member} runs any more, remove that file`,
      })
    }
  }

  #spawn(): Promise<void> {
    const { folder, member, version } = this.#options
    const main = entryBeside(import.meta.url, './main')
    const trouble = openSync(this.#paths.trouble, 'w', 0o600)
    const cache = process.env.NODE_COMPILE_CACHE
    let child: ChildProcess
    try {
      child = spawn(process.execPath, [...guardNodeFlags, main, folder, member, version], {
        cwd: '/',
        detached: true,
        // No more than it needs: nothing that the agent was given is to be seen there.
        env: {
          UV_THREADPOOL_SIZE: '1',
          ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }),
        },
        stdio: ['ignore', 'pipe', trouble],
      })
    } catch (thrown) {
      throw this.#failed(thrown)
    } finally {
      closeSync(trouble)
    }
    child.unref()
    return new Promise((resolve, reject) => {
      const died = (): void => {
        const words = readFileSync(this.#paths.trouble, 'utf8').trim()
        reject(this.#failed(new Error(words === '' ? 'it said nothing' : words)))
      }
      child.once('error', (cause) => reject(this.#failed(cause)))
      child.once('exit', died)
      child.stdout?.once('data', () => {
        child.off('exit', died)
        child.stdout?.destroy()
        resolve()
      })
    })
  }

  #failed(cause: unknown): Fault {
    return new Fault('failed', `the guard of ${this.#options.member} cannot be started`, { cause })
  }

  /** Resolves when a guard that is there has said what runs: from then on it is the one. */
  async #meet(signal?: AbortSignal): Promise<void> {
    const met = Promise.withResolvers<void>()
    let over: Error | undefined
    // Where nobody listens any more nobody waits for it, and its time is over all the same.
    met.promise.catch(() => {})
    signal?.addEventListener('abort', () => met.reject(signal.reason), { once: true })
    const link = await openLink<HostMessage, GuardMessage>(this.#paths.socket, {
      message: (message) => {
        this.#hear(message)
        if (message.kind === 'hello') met.resolve()
      },
      ended: (why) => {
        over = why ?? new Error('its guard has ended')
        met.reject(over)
        this.#parted(link)
      },
    })
    try {
      await met.promise
      // It may have said so with its last breath: nobody would tell that it has ended.
      if (over !== undefined) throw over
      this.#link = link
    } catch (thrown) {
      link.drop()
      throw thrown
    }
  }

  #hear(message: GuardMessage): void {
    switch (message.kind) {
      case 'hello':
      case 'process':
        return this.#set(message.process)
      case 'done': {
        const tell = this.#waiting.get(message.number)
        this.#waiting.delete(message.number)
        return tell?.(message.failure === undefined ? undefined : new Error(message.failure))
      }
      case 'event':
        return this.#options.event(message.rule, message.why)
    }
  }

  /** Without its guard a server is dead: they end together. Another guard is started at once. */
  #parted(link: Link<HostMessage>): void {
    if (this.#link !== link) return
    this.#over?.()
    if (this.#left.signal.aborted) return
    this.#link = undefined
    for (const tell of this.#waiting.values()) tell(new Error('its guard has ended'))
    this.#waiting.clear()
    this.#options.event('guard-lost', 'its guard has ended, and its server with it')
    this.#opening = this.#openAgain()
  }

  /** Until one is there: whoever looks after the server can do nothing without. Never rejects. */
  async #openAgain(): Promise<void> {
    const { signal } = this.#left
    while (!signal.aborted) {
      try {
        await this.open()
        this.#trouble = ''
        return
      } catch (thrown) {
        const why = describeError(thrown)
        if (why !== this.#trouble) this.#options.event('guard-refused', why)
        this.#trouble = why
      }
      await sleep(this.#options.clock, againAfter, signal).catch(() => {})
    }
  }

  #set(process: ServerProcess): void {
    this.#process = process
    for (const listener of [...this.#listeners]) listener()
  }

  observe(): ServerProcess {
    const { kind } = this.#process
    // What a guard told last is not true for ever: it may have been killed this moment.
    return this.#link === undefined && kind === 'running' ? { kind: 'none' } : this.#process
  }

  #ask(request: Asked<Request>): Promise<void> {
    const { member } = this.#options
    const link = this.#link
    if (link === undefined) {
      const why = this.#trouble === '' ? `the guard of ${member} is being started` : this.#trouble
      throw new Fault('unreachable', why)
    }
    this.#number += 1
    const number = this.#number
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, (failure) => {
        if (failure === undefined) return resolve()
        const what = `the server of ${member} did not ${request.kind}`
        reject(new Fault('failed', `${what}: ${failure.message}`, { cause: failure }))
      })
      link.send({ ...request, number } as Request)
    })
  }

  async start(launch: ServerLaunch): Promise<void> {
    await this.#ask({ kind: 'start', launch })
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    await this.#ask({ kind: 'signal', signal })
  }

  async end(signal: NodeJS.Signals, within: Milliseconds): Promise<void> {
    await this.#ask({ kind: 'end', signal, within })
  }

  renew(lease: Lease | undefined): void {
    this.#link?.send({ kind: 'lease', lease })
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  leave(): void {
    this.#left.abort()
    if (this.#link !== undefined) return this.#link.close()
    void this.#opening.then(() => this.#link?.close())
  }

  async quit(): Promise<void> {
    this.#left.abort()
    // One that is being started is ended as well.
    await this.#opening
    const guard = this.#record()?.guard
    if (this.#link !== undefined) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#over = resolve
      this.#link.send({ kind: 'quit' })
      await promise
    } else if (guard !== undefined) signalProcess(guard, 'SIGKILL')
    rmSync(this.#paths.record, { force: true })
  }
}
