// Who is told what happens to a replica? Every open link; and while there is none, what happens is
// kept, up to a limit, for the next agent.

import type { Link } from '../../control/link.ts'
import type { Clock } from '../../foundation/time.ts'
import type { GuardEvent, GuardMessage, GuardStatus } from './protocol.ts'

/** Those who listen to a guard. */
export interface Audience {
  /** From now on `link` is told everything, beginning with `hello` and what nobody heard. */
  add(link: Link<GuardMessage>, hello: GuardMessage): void
  remove(link: Link<GuardMessage>): void
  status(status: GuardStatus): void
  event(event: Omit<GuardEvent, 'kind'>): void
  /** Ends every link, after what was sent. */
  dismiss(): void
}

/** Of more events that nobody heard, the oldest are forgotten. */
const untoldMost = 64

/** An audience of nobody. */
export function openAudience(clock: Clock): Audience {
  const links = new Set<Link<GuardMessage>>()
  const untold: GuardEvent[] = []
  return {
    add(link, hello) {
      links.add(link)
      link.send(hello)
      for (const event of untold.splice(0)) link.send(event)
    },
    remove: (link) => links.delete(link),
    status(status) {
      for (const link of links) link.send({ kind: 'status', status })
    },
    event(said) {
      const event: GuardEvent = { kind: 'event', ...said }
      for (const link of links) link.send(event)
      if (links.size > 0) return
      untold.push({ ...event, seen: { ...event.seen, at: clock.now() } })
      if (untold.length > untoldMost) untold.shift()
    },
    dismiss() {
      for (const link of links) link.close()
    },
  }
}
