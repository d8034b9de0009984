// Runs that must lose rows, or have two primaries: what a checker does not see in these it would
// not see in any other.

import { signalProcess } from '../../src/control/processes.ts'
import { isAcknowledgedKept } from '../../src/drills/checkers/acknowledged.ts'
import { describeAcknowledged } from '../../src/drills/checkers/describe.ts'
import { isEpochKept } from '../../src/drills/checkers/epochs.ts'
import { namespacesMissing } from '../../test/hosts/namespaces.ts'
import { openBed } from './bed.ts'
import { type Fault, faults } from './faults.ts'
import { judgeEpochs } from './judge.ts'
import { tailAfter } from './role.ts'
import { falsehoods, once } from './run.ts'
import type { Target } from './session.ts'

/** A primary is cut off from all but its own clients, and what would end it stands still. */
export const guardOff: Fault = {
  name: 'guard_off',
  what: 'the primary’s machine is cut off for 10 s, and its guard and agent stand still',
  machinesOnly: true,
  async befall(bed, { primary, strikes, pause }) {
    const place = bed.placeOf(primary)
    const { guard } = bed.record(primary)
    strikes([place])
    signalProcess(guard, 'SIGSTOP')
    place.agent.kill('SIGSTOP')
    place.machine?.plug(false)
    await pause(10_000)
    place.machine?.plug(true)
    signalProcess(guard, 'SIGCONT')
    place.agent.kill('SIGCONT')
  },
}

/** Says what each showed; resolves to whether the checkers saw all that they had to. */
export async function runControls(say: (line: string) => void): Promise<boolean> {
  const seen: boolean[] = []
  const note = (name: string, isSeen: boolean, what: string): void => {
    seen.push(isSeen)
    say(`${name}: ${what}\nVALUE control_${name}_seen ${isSeen ? 1 : 0}`)
  }
  for (const role of ['right', 'wrong'] as const) {
    const verdict = await tailAfter(role)
    const isWrong = !isAcknowledgedKept(verdict)
    note(`${role}_role`, isWrong === (role === 'wrong'), describeAcknowledged(verdict))
  }
  const missing = namespacesMissing()
  if (missing !== false) {
    say(`the others are left out: ${missing}`)
    return false
  }
  for (const engine of ['postgresql', 'mariadb'] as const) {
    const cut = await suffer(
      engine,
      faults.find(({ name }) => name === 'machine_cut_off'),
    )
    note(`${engine}_async_partition`, cut.rows > 0 && cut.isOrdered, cut.said)
    const off = await suffer(engine, guardOff)
    note(`${engine}_guard_off`, off.rows > 0 && !off.isOrdered, off.said)
  }
  return seen.every(Boolean)
}

/** What one fault does to a database that waits for nobody. */
async function suffer(
  engine: Target['engine'],
  fault: Fault | undefined,
): Promise<{ readonly rows: number; readonly isOrdered: boolean; readonly said: string }> {
  if (fault === undefined) throw new Error('there is no such fault')
  await using bed = await openBed({ engine, where: 'machines', durability: 'async' })
  await once(bed, fault)
  const { rows, said } = await falsehoods(bed)
  return { rows, isOrdered: isEpochKept(judgeEpochs(bed)), said: said.join('\n') }
}
