// Before a machine is emptied: the primaries on it are moved to others, as planned moves.

import type { DatabaseView, MemberPlan } from '../databases/model.ts'
import { Fault } from '../foundation/fault.ts'
import { type Clock, ms, sleep } from '../foundation/time.ts'
import type { DatabaseAnswers } from './database-answers.ts'
import { switchOver, whoIsFit } from './database-operator.ts'

/** How long one planned move is waited for, with the reads that end before it. */
const movedWithin = ms(20_000)
const lookEvery = ms(50)

type Databases = Pick<DatabaseAnswers, 'views' | 'ask'>

/** The member that leads a database from this machine; undefined where none does. */
function primaryOn({ plan, record }: DatabaseView, machine: string): MemberPlan | undefined {
  const phase = record?.phase
  const leads = phase?.kind === 'serving' ? phase.primary : undefined
  return plan.members.find((member) => member.name === leads && member.machine === machine)
}

/**
 * Moves every primary on `machine` to a member on a machine that is not `drained`; resolves when
 * all of them lead elsewhere. Rejects with a Fault, and its remedy, where one cannot be moved.
 */
export async function movePrimaries(
  databases: Databases,
  machine: string,
  drained: readonly string[],
  clock: Clock,
): Promise<void> {
  for (const view of databases.views()) {
    const primary = primaryOn(view, machine)
    if (primary !== undefined) await move(databases, view, primary, [...drained, machine], clock)
  }
}

async function move(
  databases: Databases,
  view: DatabaseView,
  primary: MemberPlan,
  leaving: readonly string[],
  clock: Clock,
): Promise<void> {
  const { name, members } = view.plan
  const target = targetOf(view, leaving, clock)
  if (target === undefined) {
    const others = members.filter((member) => member !== primary).map((member) => member.name)
    throw new Fault(
      'refused',
      `${primary.name} leads ${name}, and nobody elsewhere can take over`,
      {
        remedy: `alwayson why ${others[0] ?? name}; or drain the machine all the same: --force`,
      },
    )
  }
  await databases.ask(name, switchOver(view, clock.now(), target.name).change)
  const deadline = clock.now() + movedWithin
  while (clock.now() < deadline) {
    const now = databases.views().find(({ plan }) => plan.name === name)
    const phase = now?.record?.phase
    if (phase?.kind === 'serving' && phase.primary !== primary.name) return
    await sleep(clock, lookEvery)
  }
  throw new Fault('timed-out', `${name} has not been moved away from ${primary.name} in time`, {
    remedy: `alwayson why ${name}`,
  })
}

/** The first in the file that could take over now and stays. */
function targetOf(
  view: DatabaseView,
  leaving: readonly string[],
  clock: Clock,
): MemberPlan | undefined {
  const fit = whoIsFit(view, clock.now())
  return view.plan.members.find(
    ({ name, machine }) =>
      fit.includes(name) && (machine === undefined || !leaving.includes(machine)),
  )
}
