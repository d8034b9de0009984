// What is to be done next about one member that is taken over? Replicas first, one after another,
// and the primary last. Pure.

import { isSamePlace } from './judge.ts'
import type { RunningServer } from './model.ts'

/** The next step of one member's agent. */
export type AdoptionStep =
  | { readonly kind: 'wait'; readonly why: string }
  | { readonly kind: 'prepare' }
  /** End its server and start it as ours; `primary` is whom a replica follows until then. */
  | { readonly kind: 'take'; readonly primary: string }

const wait = (why: string): AdoptionStep => ({ kind: 'wait', why })

/** `servers` in the order of the file, found to be fit for each other; `member` is not ours yet. */
export function nextStep(member: string, servers: readonly RunningServer[]): AdoptionStep {
  const primary = servers.find(({ role }) => role === 'primary')
  if (primary === undefined) return wait('no server takes writes')
  const others = servers.filter((each) => each !== primary)
  const isReady = (each: RunningServer): boolean =>
    each.ours && each.follows !== undefined && isSamePlace(each.follows, primary.address)
  if (member === primary.member) {
    if (!primary.prepared) return { kind: 'prepare' }
    const late = others.find((each) => !isReady(each))
    if (late !== undefined) return wait(`${late.member} is taken over before it`)
    return { kind: 'take', primary: primary.member }
  }
  if (!primary.prepared) return wait(`${primary.member} does not know our accounts yet`)
  // What was made there has to have come here, or this one could not be asked any more.
  const own = others.find((each) => each.member === member)
  if (own?.prepared !== true) return wait('it has not received our accounts yet')
  for (const each of others) {
    if (each.member === member) return { kind: 'take', primary: primary.member }
    if (!isReady(each)) return wait(`${each.member} is taken over before it`)
  }
  return wait('nobody has seen it run')
}
