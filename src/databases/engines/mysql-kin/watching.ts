// What of a server of MariaDB or MySQL do only two looks tell, or only once? What comes over a
// stream, and that a promise to wait for replicas is void.

import type { Instant } from '../../../foundation/time.ts'
import type { MemberOptions } from '../../engine.ts'
import type { AckSet } from '../../model.ts'
import { admitted } from './gate.ts'
import type { Kin, KinReceiving } from './kin.ts'
import type { Session } from './session.ts'

/** Looks at the stream of a replica. */
export class StreamWatch {
  #pulse = ''
  #source = ''
  #receivedAt: Instant | undefined

  /** Nothing is known of the stream before this. */
  forget(): void {
    this.#pulse = ''
    this.#source = ''
    this.#receivedAt = undefined
  }

  /** Which member it receives from, while a stream is open, and when something last came. */
  see(
    receiving: KinReceiving,
    { peers, now }: Pick<MemberOptions, 'peers' | 'now'>,
  ): { readonly upstream: string | undefined; readonly receivedAt: Instant | undefined } {
    const { host, port, io, pulse } = receiving
    const peer = peers.find((each) => host === each.host && port === each.port)
    const upstream = io === 'Yes' ? peer?.member : undefined
    // Of a stream that has broken off it is known as well, but not of one from somebody else.
    const source = `${host}:${port}`
    if (source !== this.#source) this.#receivedAt = undefined
    this.#source = source
    if (upstream !== undefined && pulse !== this.#pulse) this.#receivedAt = now()
    this.#pulse = pulse
    return { upstream, receivedAt: this.#receivedAt }
  }
}

/** Looks at the promise of a primary to wait for its replicas. */
export class AckWatch {
  readonly #kin: Kin
  readonly #options: MemberOptions
  #isVoid = false

  constructor(kin: Kin, options: MemberOptions) {
    this.#kin = kin
    this.#options = options
  }

  /**
   * By whom a server acknowledges that was told to wait for `needed` of them; `isWaiting` is its
   * word for whether it does. Where it has stopped waiting for anybody, nothing is promised.
   */
  async see(
    session: Session,
    { isWaiting, needed }: { readonly isWaiting: string; readonly needed: number },
    signal: AbortSignal,
  ): Promise<AckSet> {
    const { accounts, peers, member, event } = this.#options
    const [row] = await session.query(`SHOW GLOBAL STATUS LIKE '${isWaiting}'`, signal)
    const wasVoid = this.#isVoid
    this.#isVoid = row?.Value !== 'ON'
    if (this.#isVoid) {
      const why = `the server of ${member} no longer waits for any replica`
      if (!wasVoid) event('acknowledgements-off', why)
      return { members: [], needed: 0 }
    }
    const members = await admitted(this.#kin, session, accounts, peers, signal)
    return { members: members.filter((each) => each !== member), needed }
  }
}
