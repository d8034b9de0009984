// Do transactions that read lists and append to them fit the promised isolation, while primaries
// are lost and moved? And has each epoch one server only?

import { describeAppends, describeEpochs } from '../../src/drills/checkers/describe.ts'
import { isEpochKept } from '../../src/drills/checkers/epochs.ts'
import { openBed } from './bed.ts'
import { faults } from './faults.ts'
import { judgeEpochs, judgeLists } from './judge.ts'
import { falsehoods, once } from './run.ts'
import type { Target } from './session.ts'

/** Those after which somebody else may be primary, or seems to be. */
const suffered = [
  'server_killed',
  'switchover',
  'machine_cut_off',
  'machine_lost',
  'server_stopped',
]
/** On each place. */
const clients = 2

/** Says what was found; resolves to whether nothing is wrong. */
export async function runHistories(
  engine: Target['engine'],
  where: 'processes' | 'machines',
  say: (line: string) => void,
): Promise<boolean> {
  await using bed = await openBed({ engine, where, durability: 'quorum' })
  const end = await bed.append(clients)
  for (const fault of faults) {
    if (!suffered.includes(fault.name)) continue
    if (where === 'processes' && fault.machinesOnly === true) continue
    await once(bed, fault)
    say(`${engine} ${where}: ${fault.what}`)
  }
  await end()
  const lists = await judgeLists(bed)
  const epochs = judgeEpochs(bed)
  const { rows, said } = await falsehoods(bed)
  say(`lists: ${describeAppends(lists)}`)
  say(`epochs: ${describeEpochs(epochs)}`)
  for (const line of said) say(line)
  const count = lists.anomalies.length
  say(`VALUE anomalies_${engine}_${where} ${count}`)
  return count === 0 && isEpochKept(epochs) && rows === 0
}
