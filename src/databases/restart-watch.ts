// Should this member's server be started anew, and has it been since that was asked for? Settings
// that a running server can take are given to it; of the rest it is said what they are.

import { type Clock, ms } from '../foundation/time.ts'
import type { MemberEngine, Refreshed } from './engine.ts'
import type { ServerProcess } from './host.ts'
import type { KeeperMemory } from './memory.ts'
import type { Request, ServerState } from './model.ts'
import type { Trouble } from './trouble.ts'

/** What a restart is seen by. */
export interface RestartWatchOptions {
  readonly member: string
  readonly engine: MemberEngine
  readonly clock: Clock
}

/** A server that takes longer to take its settings is asked again. */
const refreshWithin = ms(10_000)

/** Watches one server's process. */
export class RestartWatch {
  /** Of the server that runs. */
  #found: Refreshed = { outdated: undefined, refused: undefined }
  readonly #options: RestartWatchOptions
  readonly #signal: AbortSignal
  /** Whose settings and programs are known; a server that was started since has those it should. */
  #known: string | undefined
  #asking = false
  /** Rises with every review: what was asked before one may be of the file or programs before. */
  #reviews = 0

  constructor(options: RestartWatchOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
  }

  /** Why it should be started anew: not with settings that it would not start with. */
  get outdated(): string | undefined {
    return this.#found.refused === undefined ? this.#found.outdated : undefined
  }

  /** Whether that is not known yet of the server that runs. */
  get inReview(): boolean {
    return this.#known === undefined
  }

  /** Whether it has all that it should, as far as that was asked. */
  get isUpToDate(): boolean {
    const { outdated, refused } = this.#found
    return !this.inReview && outdated === undefined && refused === undefined
  }

  /** Which settings it does not take, and why. */
  get refused(): Trouble | undefined {
    const why = this.#found.refused
    return why === undefined ? undefined : { why, remedy: 'mend the file, and apply it' }
  }

  /**
   * Looks at the process and at what is asked for. What it returns has to be written down: a
   * restart that was asked for, with what ran at that moment.
   */
  see(
    process: ServerProcess,
    request: Request | undefined,
    { restart }: KeeperMemory,
    server: ServerState = 'absent',
  ): Partial<KeeperMemory> {
    this.#look(process, server === 'primary' || server === 'replica')
    if (request?.kind !== 'restart' || !request.members.includes(this.#options.member)) return {}
    if (restart?.id === request.id) return {}
    return { restart: { id: request.id, process: nameOf(process) } }
  }

  /** The restart that was asked for, once another process is the server. */
  restartedFor(process: ServerProcess, { restart }: KeeperMemory): string | undefined {
    const name = nameOf(process)
    return restart !== undefined && name !== '' && name !== restart.process ? restart.id : undefined
  }

  /** Asks once of a server that was there before its settings were those of now. */
  #look(process: ServerProcess, isAnswering: boolean): void {
    const name = nameOf(process)
    if (this.#known !== undefined && name !== this.#known) {
      this.#found = { outdated: undefined, refused: undefined }
      this.#known = name
    }
    if (this.#known === undefined && name === '') this.#known = name
    if (this.#known === undefined && isAnswering && !this.#asking) void this.#ask(name)
  }

  /** Its settings or programs may be others by now. */
  review(): void {
    this.#known = undefined
    this.#reviews += 1
  }

  async #ask(name: string): Promise<void> {
    const { engine, clock } = this.#options
    const stop = new AbortController()
    using _ = clock.after(refreshWithin, () => stop.abort(new Error('it takes too long')))
    this.#asking = true
    const asked = this.#reviews
    try {
      const found = await engine.refresh(AbortSignal.any([stop.signal, this.#signal]))
      if (asked !== this.#reviews) return
      this.#found = found
      this.#known = name
    } catch {
      // It does not answer now, which others see as well: it is asked again.
    } finally {
      this.#asking = false
    }
  }
}

/** One process of a server; nothing where none runs. */
const nameOf = (process: ServerProcess): string =>
  process.kind === 'running' ? `${process.pid}/${process.since}` : ''
