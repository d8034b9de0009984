// How long is a cluster of three machines without a leader, fault by fault?
//
//   npm run bench:cluster                               each fault three times, both ways
//   npm run bench:cluster -- --rounds 5 --fault killed,stopped --over one-server
//
// In network namespaces, as root; beside it a client on every machine asks its own door 20 times a
// second, and what was not answered is counted.

import { parseArgs } from 'node:util'
import { type Agreement, openClusterLab } from '../test/hosts/cluster-lab.ts'
import { describedFaults, type LeaderFault, leaderFaults, suffer } from '../test/hosts/faults.ts'
import { namespacesMissing } from '../test/hosts/namespaces.ts'
import { machineFacts, median, table } from './lib/report.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    fault: { type: 'string', default: leaderFaults.join(',') },
    over: { type: 'string', default: 'one-server,ensemble' },
  },
})

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** What came of all rounds of one fault. */
interface Outcome {
  readonly over: Agreement
  readonly fault: LeaderFault
  readonly leaderless: readonly number[]
  readonly asked: number
  readonly failed: number
}

async function measure(over: Agreement, faults: readonly LeaderFault[]): Promise<Outcome[]> {
  await using lab = await openClusterLab(over)
  await lab.well()
  await lab.request()
  const outcomes: Outcome[] = []
  for (const fault of faults) {
    const leaderless: number[] = []
    let [asked, failed] = [0, 0]
    for (let round = 0; round < Number(values.rounds); round += 1) {
      const at = Date.now()
      const suffered = await suffer(lab, fault)
      leaderless.push(suffered.leaderless)
      say(`${over}, ${describedFaults[fault]}: ${Math.round(suffered.leaderless)} ms`)
      await suffered.heal()
      for (const host of lab.hosts.filter((one) => one !== suffered.victim)) {
        const answers = host.answers().filter((answer) => answer.at >= at)
        asked += answers.length
        failed += answers.filter(({ how }) => how !== '200').length
      }
      if (fault === 'dead') suffered.victim.request()
    }
    outcomes.push({ over, fault, leaderless, asked, failed })
  }
  return outcomes
}

const missing = namespacesMissing()
if (missing !== false) throw new Error(missing)
say(machineFacts())
const faults = leaderFaults.filter((fault) => values.fault.split(',').includes(fault))
const outcomes: Outcome[] = []
for (const over of values.over.split(',') as Agreement[]) {
  outcomes.push(...(await measure(over, faults)))
}
const rows = outcomes.map(({ over, fault, leaderless, asked, failed }) => [
  over,
  describedFaults[fault],
  leaderless.map((one) => Math.round(one)).join(' '),
  `${failed} of ${asked}`,
])
say(table([['agreed through', 'what befalls', 'without a leader, ms', 'not answered'], ...rows]))
for (const { over, fault, leaderless } of outcomes) {
  const name = `leaderless_${fault}_${over.replace('-', '_')}_ms`
  say(`VALUE ${name} ${Math.round(median(leaderless))}`)
}
