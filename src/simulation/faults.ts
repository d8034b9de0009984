// What goes wrong in a simulated life, and how it is put right in the end.

import { below, pick, type Random } from '../foundation/random.ts'
import {
  type Clock,
  type Instant,
  instant,
  later,
  type Milliseconds,
  ms,
} from '../foundation/time.ts'
import type { SimulatedAgent } from './agent.ts'
import type { SimulatedEdges } from './balancer.ts'
import type { SimulatedGuards } from './host.ts'
import type { Process, SimulatedMachine } from './machine.ts'
import type { Trace } from './trace.ts'

/** The kinds of trouble. A life knows some of them only: rare combinations come up more often. */
export const faultKinds = [
  'crash',
  'freeze',
  'sick-checks',
  'errors',
  'slow',
  'guard-death',
  'edge-death',
  'agent-death',
  'slow-messages',
  'disk-full',
  'cannot-ask',
] as const

export type FaultKind = (typeof faultKinds)[number]

/** Trouble that no client should ever notice. */
export const harmlessFaults: readonly FaultKind[] = [
  'agent-death',
  'slow-messages',
  'disk-full',
  'cannot-ask',
]

/**
 * Trouble that costs at most what must not be repeated, as long as somebody is there to tell the
 * edges: a replica that is started again may answer 503 until it is ready.
 */
export const mortalFaults: readonly FaultKind[] = [
  'crash',
  'guard-death',
  'disk-full',
  'cannot-ask',
]

/** Trouble of replicas alone, that they hang or crawl for a while among it. */
export const stallingFaults: readonly FaultKind[] = ['crash', 'disk-full', 'freeze', 'slow']

/** Whom trouble befalls. */
export interface Victims {
  readonly clock: Clock
  readonly random: Random
  readonly machine: SimulatedMachine
  readonly guards: SimulatedGuards
  readonly edges: SimulatedEdges
  readonly agent: SimulatedAgent
  readonly trace: Trace
}

/** What is wrong with the machine itself, until when. */
export interface Ailments {
  slowUntil: Instant
  diskFullUntil: Instant
  cannotAskUntil: Instant
}

/** The machine as it should be. */
export const noAilments = (): Ailments => ({
  slowUntil: instant(0),
  diskFullUntil: instant(0),
  cannotAskUntil: instant(0),
})

/** Makes trouble of these kinds, each about once in `every`, until it is disposed. */
export function makeTrouble(
  victims: Victims,
  ailments: Ailments,
  kinds: readonly FaultKind[],
  every: Milliseconds,
): Disposable {
  const { clock, random, trace } = victims
  let over = false
  for (const kind of kinds) {
    const plan = (): void => {
      const wait = ms(-Math.log(1 - random.next()) * every)
      clock.after(wait, () => {
        if (over) return
        trace.note('fault', () => kind)
        befall(kind, victims, ailments)
        plan()
      })
    }
    plan()
  }
  return {
    [Symbol.dispose]() {
      over = true
    },
  }
}

/** Up to `most`, mostly short: troubles that last a blink are as telling as long ones. */
const aWhile = (random: Random, most: number): Milliseconds => ms(most * random.next() ** 2)

/** One trouble, now. */
export function befall(kind: FaultKind, victims: Victims, ailments: Ailments): void {
  const { clock, random, machine, guards, edges, agent } = victims
  const someone = (): Process | undefined => pick(random, [...machine.processes()])
  const until = (most: number): Instant => later(clock.now(), aWhile(random, most))
  switch (kind) {
    case 'crash': {
      const process = someone()
      if (process !== undefined) machine.signal(process, 'SIGKILL')
      return
    }
    case 'freeze': {
      const process = someone()
      if (process === undefined) return
      machine.signal(process, 'SIGSTOP')
      clock.after(aWhile(random, 4000), () => machine.signal(process, 'SIGCONT'))
      return
    }
    case 'sick-checks': {
      const process = someone()
      if (process !== undefined) process.checksFailUntil = until(4000)
      return
    }
    case 'errors': {
      const process = someone()
      if (process !== undefined) process.failsUntil = until(4000)
      return
    }
    case 'slow': {
      const process = someone()
      if (process !== undefined) process.slowUntil = until(4000)
      return
    }
    case 'guard-death': {
      const guard = pick(random, guards.guards())
      if (guard !== undefined) guards.kill(guard, random.next() < 0.3)
      return
    }
    case 'edge-death':
      edges.kill(1 + below(random, edges.edges().length))
      return
    case 'agent-death':
      agent.kill()
      clock.after(aWhile(random, 3000), () => agent.start())
      return
    case 'slow-messages':
      ailments.slowUntil = until(4000)
      return
    case 'disk-full':
      ailments.diskFullUntil = until(4000)
      return
    case 'cannot-ask':
      ailments.cannotAskUntil = until(2000)
  }
}

/** Puts right whatever is wrong, at once. */
export function heal({ machine, agent, trace }: Victims, ailments: Ailments): void {
  trace.note('fault', () => 'all is put right')
  Object.assign(ailments, noAilments())
  for (const process of machine.processes()) {
    process.failsUntil = instant(0)
    process.checksFailUntil = instant(0)
    process.slowUntil = instant(0)
    machine.signal(process, 'SIGCONT')
  }
  agent.start()
}
