// A ServerHost without a guard: the server is a child of the test itself, and ends with it.

import { setTimeout as pause } from 'node:timers/promises'
import { isAlive } from '../../src/control/processes.ts'
import { type ChildCommand, ChildHost } from '../../src/databases/child-host.ts'
import type { Lease, ServerLaunch, ServerProcess } from '../../src/databases/host.ts'
import type { Clock, Milliseconds } from '../../src/foundation/time.ts'
import { signalTree, treeOf } from './process-tree.ts'

/** The change of a user comes before the tie to the parent, which it would undo. */
const identity = ({ uid, gid }: ServerLaunch): readonly string[] =>
  uid === undefined ? [] : [`--reuid=${uid}`, `--regid=${gid ?? uid}`, '--clear-groups']

export class DirectServerHost extends ChildHost implements AsyncDisposable {
  readonly #clock: Clock
  readonly #listeners = new Set<() => void>()
  /** The last lease, for tests that ask for it. */
  lease: Lease | undefined

  constructor(clock: Clock) {
    super(() => clock.now())
    this.#clock = clock
  }

  /** It ends with this process, also where that is killed in the middle of a test. */
  protected commandOf(launch: ServerLaunch): ChildCommand {
    const argv = ['setpriv', '--pdeathsig=KILL', ...identity(launch), ...launch.argv]
    return { argv, ids: {}, input: 'ignore' }
  }

  protected override show(seen: ServerProcess): void {
    super.show(seen)
    for (const listener of this.#listeners) listener()
  }

  async end(signal: NodeJS.Signals, within: Milliseconds): Promise<void> {
    const { child } = this
    this.tellEnd()
    if (child?.pid === undefined) return
    const { pid } = child
    const family = treeOf(pid)
    child.kill(signal)
    const timer = this.#clock.after(within, () => {
      signalTree(pid, 'SIGKILL')
    })
    await this.ended
    timer[Symbol.dispose]()
    for (const one of family) while (isAlive(one)) await pause(5)
  }

  /** As a crash of the machine would: nothing is told to end, and nothing of it goes on. */
  async crash(): Promise<void> {
    const { child } = this
    if (child?.pid === undefined) return
    const family = signalTree(child.pid, 'SIGKILL')
    await this.ended
    for (const one of family) while (isAlive(one)) await pause(5)
  }

  /** Stops every process of the server where it is, as a hung machine would. */
  suspend(): void {
    if (this.child?.pid !== undefined) signalTree(this.child.pid, 'SIGSTOP')
  }

  resume(): void {
    if (this.child?.pid !== undefined) signalTree(this.child.pid, 'SIGCONT')
  }

  override renew(lease: Lease | undefined): void {
    this.lease = lease
  }

  override onChange(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crash()
  }
}
