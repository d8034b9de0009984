// A ServerHost without a guard: the server is a child of the test itself, and ends with it.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { isAlive } from '../../src/control/processes.ts'
import type { Lease, ServerHost, ServerLaunch, ServerProcess } from '../../src/databases/host.ts'
import { Fault } from '../../src/foundation/fault.ts'
import type { Clock, Milliseconds } from '../../src/foundation/time.ts'
import { signalTree, treeOf } from './process-tree.ts'

/** The last line of a log that says anything. */
function lastLine(path: string): string {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  return lines.at(-1) ?? ''
}

/** The change of a user comes before the tie to the parent, which it would undo. */
const identity = ({ uid, gid }: ServerLaunch): readonly string[] =>
  uid === undefined ? [] : [`--reuid=${uid}`, `--regid=${gid ?? uid}`, '--clear-groups']

export class DirectServerHost implements ServerHost, AsyncDisposable {
  readonly #clock: Clock
  readonly #listeners = new Set<() => void>()
  #child: ChildProcess | undefined
  #told = false
  #seen: ServerProcess = { kind: 'none' }
  /** The last lease, for tests that ask for it. */
  lease: Lease | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  observe(): ServerProcess {
    return this.#seen
  }

  async start(launch: ServerLaunch): Promise<void> {
    if (this.#seen.kind === 'running') return
    // It ends with this process, also where that is killed in the middle of a test.
    const [command = '', ...args] = [
      'setpriv',
      '--pdeathsig=KILL',
      ...identity(launch),
      ...launch.argv,
    ]
    const log = openSync(launch.log, 'a', 0o600)
    const child = spawn(command, args, {
      cwd: launch.cwd,
      env: launch.env,
      stdio: ['ignore', log, log],
      detached: true,
    })
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
    this.#told = false
    this.#show({ kind: 'running', pid: child.pid as number, since: this.#clock.now() })
    child.once('exit', (code, signal) => {
      if (this.#child !== child) return
      this.#child = undefined
      const why = signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`
      const at = this.#clock.now()
      this.#show(
        this.#told ? { kind: 'none' } : { kind: 'ended', at, why, last: lastLine(launch.log) },
      )
    })
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    this.#child?.kill(signal)
  }

  async end(signal: NodeJS.Signals, within: Milliseconds): Promise<void> {
    const child = this.#child
    if (child?.pid === undefined) {
      this.#show({ kind: 'none' })
      return
    }
    this.#told = true
    const ended = new Promise((resolve) => child.once('exit', resolve))
    const family = treeOf(child.pid)
    child.kill(signal)
    const timer = this.#clock.after(within, () => {
      signalTree(child.pid as number, 'SIGKILL')
    })
    await ended
    timer[Symbol.dispose]()
    for (const one of family) while (isAlive(one)) await pause(5)
  }

  /** As a crash of the machine would: nothing is told to end, and nothing of it goes on. */
  async crash(): Promise<void> {
    const child = this.#child
    if (child?.pid === undefined) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    const family = signalTree(child.pid, 'SIGKILL')
    await ended
    for (const one of family) while (isAlive(one)) await pause(5)
  }

  /** Stops every process of the server where it is, as a hung machine would. */
  suspend(): void {
    if (this.#child?.pid !== undefined) signalTree(this.#child.pid, 'SIGSTOP')
  }

  resume(): void {
    if (this.#child?.pid !== undefined) signalTree(this.#child.pid, 'SIGCONT')
  }

  renew(lease: Lease | undefined): void {
    this.lease = lease
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crash()
  }

  #show(seen: ServerProcess): void {
    this.#seen = seen
    for (const listener of this.#listeners) listener()
  }
}
