// May an operator have the servers of a database started anew now? What is refused says why. Pure.

import type { DatabaseView } from '../databases/model.ts'
import { reasonOf } from '../databases/reasons.ts'
import type { Instant } from '../foundation/time.ts'
import {
  checkMember,
  know,
  type Ordered,
  refuse,
  request,
  servingPrimary,
} from './database-operator.ts'

/** The servers of all members, or of `only` one, one after another, the primary last. */
export function restart(view: DatabaseView, now: Instant, only: string | undefined): Ordered {
  const known = know(view, now)
  const { name } = view.plan
  servingPrimary(known)
  if (view.paused) refuse(`${name} is paused: nothing is decided`, `alwayson resume ${name}`)
  if (only !== undefined) checkMember(view, only)
  const all = view.plan.members.map((member) => member.name)
  for (const member of all) {
    if (known.facts.heard.some((each) => each.member === member)) continue
    const seen = view.members.find((each) => each.member === member)
    refuse(
      `no server of ${name} is restarted while ${member} is missing: ` +
        reasonOf(member, seen, view, now),
      `alwayson why ${member}`,
    )
  }
  const members = only === undefined ? all : [only]
  const id = String(Math.floor(now))
  return { change: request({ kind: 'restart', members, id }), member: only }
}

/** Those that have not been started anew stay as they are. */
export function stopRestart(view: DatabaseView): Ordered {
  const { name } = view.plan
  if (view.request?.kind !== 'restart') {
    refuse(`nobody asked for a restart of ${name}`, `alwayson databases ${name}`)
  }
  return { change: (before) => ({ ...before, request: undefined }), member: undefined }
}
