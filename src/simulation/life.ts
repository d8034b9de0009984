// One seed, one life: services are kept up while everything that can go wrong does, and must be as
// they should be once nothing does any more.

import { later, type Milliseconds, ms } from '../foundation/time.ts'
import { heal, makeTrouble } from './faults.ts'
import type { Breach } from './invariants.ts'
import { type LifePlan, planOf } from './plan.ts'
import { traceTo } from './trace.ts'
import { ailOf } from './well.ts'
import { SimulatedWorld } from './world.ts'

/** What became of a life. */
export interface LifeReport {
  readonly plan: LifePlan
  readonly breach: Breach | undefined
  /** The rules that decided, with how often. */
  readonly rules: ReadonlyMap<string, number>
  readonly requests: number
  readonly failed: number
  /** How much virtual time it took, in how many steps. */
  readonly lasted: Milliseconds
  readonly steps: number
}

/**
 * Lives one life; the same seed is the same life on every machine. `write` hears of everything
 * that happens in it, line by line.
 */
export async function live(seed: number, write?: (line: string) => void): Promise<LifeReport> {
  const plan = planOf(seed)
  const world = new SimulatedWorld({
    ...{ seed, services: plan.services, promised: plan.promised },
    ...{ edges: 2, requestsPerSecond: 6 },
    ...(write === undefined ? {} : { trace: traceTo(write) }),
  })
  let breach: Breach | undefined
  try {
    await liveIn(world, plan)
  } catch (thrown) {
    const what = Error.isError(thrown) ? String((thrown as Error).stack) : String(thrown)
    breach = world.watcher.breach ?? { promise: 'no-crash', at: world.clock.now(), what }
  }
  const { sent, failed } = world.clients.ledger()
  return {
    ...{ plan, breach, rules: world.rules, requests: sent, failed: failed.length },
    ...{ lasted: ms(world.clock.now()), steps: world.steps },
  }
}

/** How long there is trouble, and how long the world then has to come to rest. */
const troubleLasts = ms(8000)
const restWithin = ms(60_000)

async function liveIn(world: SimulatedWorld, plan: LifePlan): Promise<void> {
  world.agent.apply(world.operator.spec())
  world.agent.start()
  await untilWell(world)
  await trouble(world, plan)
  await untilWell(world)
  await servesAgain(world)
}

async function trouble(world: SimulatedWorld, { faults, wishes }: LifePlan): Promise<void> {
  const random = world.random('trouble')
  const every = (): Milliseconds => ms(800 + 5000 * random.next())
  {
    using _trouble = makeTrouble(world.victims, world.ailments, faults, every())
    using _wishes = world.operator.keepWishing(wishes, every())
    await world.run(troubleLasts)
  }
  heal(world.victims, world.ailments)
  await world.run(ms(0))
  world.operator.settle()
  await world.run(ms(0))
  world.operator.mend()
}

/** Lets time pass until all is as it should be; breaks a promise if it never is. */
export async function untilWell(world: SimulatedWorld): Promise<void> {
  const { clock, watcher, operator, trace } = world
  const deadline = later(clock.now(), restWithin)
  for (let ail = ailOf(world); ail !== undefined; ail = ailOf(world)) {
    if (clock.now() >= deadline) watcher.broken(ail.promise, ail.what)
    await world.run(ms(100))
  }
  for (const [service, { replicas }] of operator.wanted()) watcher.isWell(service, replicas)
  trace.note('life', () => 'all is as it should be')
}

/** After everything, requests are served as if nothing had been. */
export async function servesAgain(world: SimulatedWorld): Promise<void> {
  const { sent } = world.clients.ledger()
  await world.run(ms(1000))
  const failed = world.clients.ledger().failed.filter(({ id }) => id > sent)
  if (failed.length > 0) world.watcher.broken('serves-again', JSON.stringify(failed))
}
