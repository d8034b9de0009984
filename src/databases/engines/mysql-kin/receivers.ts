// Up to where has each replica what this primary wrote? Asks them, since the server does not say.

import type { MemberOptions } from '../../engine.ts'
import type { Position } from '../../model.ts'
import { origin } from '../../position.ts'
import { LentSessions } from '../lent-sessions.ts'
import type { Kin, KinStatus } from './kin.ts'
import { reached, Session } from './session.ts'

/** A replica that does not answer for so long is asked again. */
const within = 3000

export class Receivers implements Disposable {
  readonly #kin: Kin
  /** One who asks may give up before another does. */
  readonly #sessions: ReadonlyMap<string, LentSessions<Session>>
  readonly #positions = new Map<string, Position>()
  readonly #asking = new Set<string>()
  #closed = false

  constructor(kin: Kin, { accounts, peers, tls }: MemberOptions) {
    this.#kin = kin
    this.#sessions = new Map(
      peers.map((peer) => [
        peer.member,
        new LentSessions((signal) => Session.open(reached(peer, tls), accounts.admin, signal)),
      ]),
    )
  }

  /** Begins to ask these, without waiting for their answers. */
  refresh(members: readonly string[]): void {
    for (const member of members) {
      if (this.#closed || this.#asking.has(member)) continue
      this.#asking.add(member)
      this.#ask(member)
        // One that does not answer has confirmed nothing new: that is all there is to know.
        .catch(() => {})
        .finally(() => this.#asking.delete(member))
    }
  }

  /** Where these were when they last answered; of one that never did, nothing is confirmed. */
  positionsOf(members: readonly string[]): Readonly<Record<string, Position>> {
    return Object.fromEntries(
      members.map((member) => [member, this.#positions.get(member) ?? origin]),
    )
  }

  /** What one has now, whether or not it receives; rejects if it does not answer. */
  async position(member: string, signal: AbortSignal): Promise<Position | undefined> {
    const status = await this.#status(member, signal)
    return status && this.#kin.receivedOf(status)
  }

  async #status(member: string, signal: AbortSignal): Promise<KinStatus | undefined> {
    const lent = this.#sessions.get(member)
    return await lent?.use(signal, (session) => this.#kin.readStatus(session, signal))
  }

  async #ask(member: string): Promise<void> {
    const status = await this.#status(member, AbortSignal.timeout(within))
    if (status?.receiving?.io !== 'Yes') return
    this.#positions.set(member, this.#kin.receivedOf(status))
  }

  [Symbol.dispose](): void {
    this.#closed = true
    for (const lent of this.#sessions.values()) lent[Symbol.dispose]()
  }
}
