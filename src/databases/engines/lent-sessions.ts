// Connections that are kept, each lent to one at a time: a question that is given up takes its
// connection along, and with it whatever somebody else asks on the same one.

/** Of any driver. */
export interface Lendable extends Disposable {
  /** No question is answered on it any more. */
  readonly isOver: boolean
}

/** Of those that nobody has: to open another takes longer than most questions. */
const keptMost = 2

export class LentSessions<Session extends Lendable> implements Disposable {
  readonly #open: (signal: AbortSignal) => Promise<Session>
  /** Nobody has them at this moment. */
  readonly #idle: Session[] = []
  #isClosed = false

  constructor(open: (signal: AbortSignal) => Promise<Session>) {
    this.#open = open
  }

  /**
   * Does this on a connection that nobody else has. One that was kept may have been ended by its
   * server, or by an operator: if that fails it is done once more, on a new one.
   */
  async use<Result>(
    signal: AbortSignal,
    work: (session: Session) => Promise<Result>,
  ): Promise<Result> {
    const kept = this.#takeIdle()
    if (kept !== undefined) {
      try {
        return await this.#lend(kept, work)
      } catch (thrown) {
        if (signal.aborted) throw thrown
      }
    }
    return await this.#lend(await this.#open(signal), work)
  }

  #takeIdle(): Session | undefined {
    for (;;) {
      const kept = this.#idle.pop()
      if (kept?.isOver !== true) return kept
    }
  }

  async #lend<Result>(
    session: Session,
    work: (session: Session) => Promise<Result>,
  ): Promise<Result> {
    try {
      const result = await work(session)
      this.#giveBack(session)
      return result
    } catch (thrown) {
      session[Symbol.dispose]()
      throw thrown
    }
  }

  #giveBack(session: Session): void {
    if (this.#isClosed || this.#idle.length >= keptMost) session[Symbol.dispose]()
    else this.#idle.push(session)
  }

  /** Its server is gone, or goes. */
  drop(): void {
    for (const session of this.#idle.splice(0)) session[Symbol.dispose]()
  }

  /** Nothing is kept from now on. */
  [Symbol.dispose](): void {
    this.#isClosed = true
    this.drop()
  }
}
