// The process of a server as a child of this one: how it begins, and what is known of its end. In
// which way it is tied to this process, and how it is ended, is said elsewhere.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { Fault } from '../foundation/fault.ts'
import type { Instant, Milliseconds } from '../foundation/time.ts'
import type { Lease, ServerHost, ServerLaunch, ServerProcess } from './host.ts'

/** How a child is begun. */
export interface ChildCommand {
  readonly argv: readonly string[]
  readonly ids: { readonly uid?: number; readonly gid?: number }
  readonly input: 'ignore' | 'pipe'
}

export abstract class ChildHost implements ServerHost {
  readonly #now: () => Instant
  #child: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()
  #isTold = false
  #seen: ServerProcess = { kind: 'none' }

  constructor(now: () => Instant) {
    this.#now = now
  }

  protected abstract commandOf(launch: ServerLaunch): ChildCommand

  abstract end(signal: NodeJS.Signals, within: Milliseconds): Promise<void>

  protected get child(): ChildProcess | undefined {
    return this.#child
  }

  /** Resolves when the child that runs has ended. */
  protected get ended(): Promise<void> {
    return this.#ended
  }

  /** It is told to end, or none runs: its end is none that anybody has to hear of. */
  protected tellEnd(): void {
    this.#isTold = true
    if (this.#child === undefined) this.show({ kind: 'none' })
  }

  protected show(seen: ServerProcess): void {
    this.#seen = seen
  }

  observe(): ServerProcess {
    return this.#seen
  }

  async start(launch: ServerLaunch): Promise<void> {
    if (this.#seen.kind === 'running') return
    const { argv, ids, input } = this.commandOf(launch)
    const [command = '', ...args] = argv
    const log = openSync(launch.log, 'a', 0o600)
    const { cwd, env } = launch
    const stdio = [input, log, log] as const
    const child = spawn(command, args, { cwd, env, ...ids, stdio: [...stdio], detached: true })
    closeSync(log)
    const begun = Promise.withResolvers<void>()
    child.once('spawn', begun.resolve)
    child.once('error', begun.reject)
    try {
      await begun.promise
    } catch (cause) {
      throw new Fault('failed', `cannot start ${launch.argv[0]}`, { cause })
    }
    this.#child = child
    this.#isTold = false
    this.show({ kind: 'running', pid: child.pid ?? 0, since: this.#now() })
    const over = Promise.withResolvers<void>()
    this.#ended = over.promise
    child.once('exit', (code, signal) => {
      child.stdin?.destroy()
      this.#child = undefined
      const why = signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`
      const told = { kind: 'ended', at: this.#now(), why, last: lastLine(launch.log) } as const
      this.show(this.#isTold ? { kind: 'none' } : told)
      over.resolve()
    })
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    this.#child?.kill(signal)
  }

  /** Nobody else could be told to be what this is. */
  renew(_lease: Lease | undefined): void {}

  onChange(_listener: () => void): Disposable {
    return { [Symbol.dispose]: () => {} }
  }
}

function lastLine(path: string): string {
  return readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? ''
}
