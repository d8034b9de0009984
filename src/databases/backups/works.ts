// What long work on one database is under way, and how did the last ones end?

import { describeError, Fault } from '../../foundation/fault.ts'
import type { Clock } from '../../foundation/time.ts'
import type { Progress } from '../engine.ts'
import type { DatabaseWork } from '../overview.ts'

/** So many that have ended are remembered. */
const endedMost = 8

/** What a piece of work is told to do, and how it says how far it is. Resolves to how it ended. */
export type Task = (progress: (progress: Progress) => void, signal: AbortSignal) => Promise<string>

export interface WorksOptions {
  readonly clock: Clock
  /** Tells whoever watches that something has changed. */
  readonly changed: () => void
  /** Something has ended: `why` completes "because …". */
  readonly ended: (kind: DatabaseWork['kind'], well: boolean, line: string) => void
}

export class Works {
  readonly #options: WorksOptions
  readonly #list: DatabaseWork[] = []
  readonly #running = new Set<Promise<boolean>>()
  #count = 0

  constructor(options: WorksOptions) {
    this.#options = options
  }

  /** Those under way, and the last that ended; the oldest first. */
  list(): readonly DatabaseWork[] {
    return this.#list
  }

  isBusy(kind: DatabaseWork['kind']): boolean {
    return this.#list.some((each) => each.kind === kind && each.ended === undefined)
  }

  /** Begins it; `done` resolves when it has ended, well or not, to whether it ended well. */
  begin(
    kind: DatabaseWork['kind'],
    task: Task,
    signal: AbortSignal,
  ): { readonly id: string; readonly done: Promise<boolean> } {
    const { clock, changed, ended } = this.#options
    this.#count += 1
    const id = `${kind}-${Math.floor(clock.now())}-${this.#count}`
    const nothing = { step: 'begins', done: 0, of: undefined, ended: undefined }
    this.#put({ id, kind, since: clock.now(), ...nothing })
    const end = (well: boolean, line: string, remedy?: string): boolean => {
      this.#change(id, { ended: { at: clock.now(), well, line, remedy } })
      ended(kind, well, line)
      changed()
      return well
    }
    const done = task((progress) => this.#change(id, progress), signal).then(
      (line) => end(true, line),
      (thrown: unknown) => {
        if (signal.aborted) return end(false, 'it was broken off')
        return end(
          false,
          describeError(thrown),
          thrown instanceof Fault ? thrown.remedy : undefined,
        )
      },
    )
    this.#running.add(done)
    void done.then(() => this.#running.delete(done))
    changed()
    return { id, done }
  }

  /** Resolves when none is under way: what was broken off has been cleared away. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  #put(work: DatabaseWork): void {
    this.#list.push(work)
    while (this.#list.filter((each) => each.ended !== undefined).length > endedMost) {
      this.#list.splice(
        this.#list.findIndex((each) => each.ended !== undefined),
        1,
      )
    }
  }

  #change(id: string, news: Partial<DatabaseWork>): void {
    const at = this.#list.findIndex((each) => each.id === id)
    const work = this.#list[at]
    if (work !== undefined && work.ended === undefined) this.#list[at] = { ...work, ...news }
  }
}
