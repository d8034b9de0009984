// What did an operator ask of services while a file was being taken? It is done once more where the
// file is refused, to what was there before: what was accepted must not go with it. Pure.

import { describeError } from '../foundation/fault.ts'
import type { Instant } from '../foundation/time.ts'
import type { AgentState } from './model.ts'
import type { World } from './world.ts'

/** What an operator asks for, as `Core.operate` takes it. */
export interface Asked {
  readonly rule: string
  readonly subject: string
  readonly verb: (world: World, now: Instant) => AgentState
}

/** The services after it, and what could not be done again: its subject went with the file. */
export interface DoneAgain {
  readonly services: AgentState['services']
  readonly undone: readonly { readonly subject: string; readonly why: string }[]
}

/** Does all of `asked`, in its order, to the services of `world`. */
export function askedAgain(world: World, asked: readonly Asked[], now: Instant): DoneAgain {
  const undone: { subject: string; why: string }[] = []
  let { services } = world.state
  for (const { rule, subject, verb } of asked) {
    try {
      services = verb({ ...world, state: { ...world.state, services } }, now).services
    } catch (thrown) {
      const why = `the file of which \`${rule}\` was asked is refused: ${describeError(thrown)}`
      undone.push({ subject, why })
    }
  }
  return { services, undone }
}
