// Up to where has each replica what this primary wrote? Asks them, since the server does not say.

import type { Account, MemberAddress, MemberOptions } from '../../engine.ts'
import type { MemberTls } from '../../member-tls.ts'
import type { Position } from '../../model.ts'
import { origin } from '../../position.ts'
import type { Kin, KinStatus } from './kin.ts'
import { reached, Session } from './session.ts'

/** A replica that does not answer for so long is asked again. */
const within = 3000

export class Receivers implements Disposable {
  readonly #kin: Kin
  readonly #admin: Account
  readonly #peers: readonly MemberAddress[]
  readonly #tls: MemberTls | undefined
  readonly #sessions = new Map<string, Session>()
  readonly #positions = new Map<string, Position>()
  readonly #asking = new Set<string>()
  #closed = false

  constructor(kin: Kin, { accounts, peers, tls }: MemberOptions) {
    this.#kin = kin
    this.#admin = accounts.admin
    this.#peers = peers
    this.#tls = tls
  }

  /** Begins to ask these, without waiting for their answers. */
  refresh(members: readonly string[]): void {
    for (const peer of this.#peers.filter(({ member }) => members.includes(member))) {
      if (this.#closed || this.#asking.has(peer.member)) continue
      this.#asking.add(peer.member)
      this.#ask(peer)
        // One that does not answer has confirmed nothing new: that is all there is to know.
        .catch(() => this.#drop(peer.member))
        .finally(() => this.#asking.delete(peer.member))
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
    const peer = this.#peers.find((each) => each.member === member)
    return peer === undefined ? undefined : this.#kin.receivedOf(await this.#status(peer, signal))
  }

  async #status(peer: MemberAddress, signal: AbortSignal): Promise<KinStatus> {
    return await this.#kin.readStatus(await this.#session(peer, signal), signal)
  }

  async #ask(peer: MemberAddress): Promise<void> {
    const status = await this.#status(peer, AbortSignal.timeout(within))
    if (status.receiving?.io !== 'Yes') return
    this.#positions.set(peer.member, this.#kin.receivedOf(status))
  }

  async #session(peer: MemberAddress, signal: AbortSignal): Promise<Session> {
    const known = this.#sessions.get(peer.member)
    if (known?.isOver === false) return known
    const session = await Session.open(reached(peer, this.#tls), this.#admin, signal)
    if (this.#closed) session[Symbol.dispose]()
    this.#sessions.set(peer.member, session)
    return session
  }

  #drop(member: string): void {
    this.#sessions.get(member)?.[Symbol.dispose]()
    this.#sessions.delete(member)
  }

  [Symbol.dispose](): void {
    this.#closed = true
    for (const session of this.#sessions.values()) session[Symbol.dispose]()
  }
}
