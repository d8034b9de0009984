// Who is told what happens to a replica? Every open link; and what nobody has noted yet, because
// there was no agent or it died, is told to the next one.

import type { Link } from '../../control/link.ts'
import type { Clock } from '../../foundation/time.ts'
import type { GuardEvent, GuardMessage, GuardStatus } from './protocol.ts'

/** Those who listen to a guard. */
export interface Audience {
  /** From now on `link` is told everything, beginning with `hello` and what nobody has noted. */
  add(link: Link<GuardMessage>, hello: GuardMessage): void
  remove(link: Link<GuardMessage>): void
  status(status: GuardStatus): void
  event(event: Pick<GuardEvent, 'rule' | 'why' | 'seen'>): void
  /** The events up to this one have been noted. */
  heard(serial: number): void
  /** Ends every link, after what was sent. */
  dismiss(): void
}

/** Of more events that nobody has noted, the oldest are forgotten. */
const unheardMost = 64

/** An audience of nobody. */
export function openAudience(clock: Clock): Audience {
  const links = new Set<Link<GuardMessage>>()
  let unheard: readonly GuardEvent[] = []
  let serial = 0
  return {
    add(link, hello) {
      links.add(link)
      link.send(hello)
      for (const event of unheard) link.send(event)
    },
    remove: (link) => links.delete(link),
    status(status) {
      for (const link of links) link.send({ kind: 'status', status })
    },
    event(said) {
      serial += 1
      const event: GuardEvent = { kind: 'event', serial, at: clock.now(), ...said }
      unheard = [...unheard, event].slice(-unheardMost)
      for (const link of links) link.send(event)
    },
    heard(noted) {
      unheard = unheard.filter((event) => event.serial > noted)
    },
    dismiss() {
      for (const link of links) link.close()
    },
  }
}
