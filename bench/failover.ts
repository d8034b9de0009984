// How long do clients wait when a database's primary fails, and is anything lost?
//
//   npm run bench:failover                     everything, ten times each: hours
//   npm run bench:failover -- --engine postgresql --where processes --fault server_killed --runs 3
//   npm run bench:failover -- --durability async --fault machine_cut_off
//   npm run bench:failover -- --peer           Patroni beside us, for what it can be given
//   npm run bench:failover -- --histories      lists that are appended to while primaries are lost
//   npm run bench:failover -- --control        what must lose rows, and be seen to
//
// A client on every machine writes a row each 10 ms through its own door. Outage is the longest
// wait of a client that the fault leaves alone; redundancy is back when every member follows.

import { parseArgs } from 'node:util'
import { namespacesMissing } from '../test/hosts/namespaces.ts'
import { openBed } from './failover/bed.ts'
import { runControls } from './failover/control.ts'
import { type Fault, faults } from './failover/faults.ts'
import { runHistories } from './failover/histories.ts'
import { comparedWithPatroni } from './failover/peer.ts'
import { printRows, type Row } from './failover/results.ts'
import { falsehoods, once, type Run } from './failover/run.ts'
import type { Target } from './failover/session.ts'
import { machineFacts } from './lib/report.ts'

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'postgresql,mariadb' },
    where: { type: 'string', default: 'processes,machines' },
    fault: { type: 'string', default: faults.map(({ name }) => name).join(',') },
    durability: { type: 'string', default: 'quorum' },
    runs: { type: 'string', default: '10' },
    peer: { type: 'boolean', default: false },
    histories: { type: 'boolean', default: false },
    control: { type: 'boolean', default: false },
  },
})

const engines = values.engine.split(',') as Target['engine'][]
const durability = values.durability === 'async' ? 'async' : 'quorum'
const runsEach = Number(values.runs)
const asked = values.fault.split(',')
for (const name of asked) {
  if (faults.some((fault) => fault.name === name)) continue
  throw new Error(`no fault is called ${name}: ${faults.map((each) => each.name).join(', ')}`)
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

async function measure(engine: Target['engine'], where: 'processes' | 'machines'): Promise<Row[]> {
  const rows: Row[] = []
  for (const fault of faults) {
    if (!asked.includes(fault.name)) continue
    if (where === 'processes' && fault.machinesOnly === true) continue
    rows.push(await measureOne(engine, where, fault))
  }
  return rows
}

/** On a bed of its own: what some hundred failovers leave behind would fill its small disks. */
async function measureOne(
  engine: Target['engine'],
  where: 'processes' | 'machines',
  fault: Fault,
): Promise<Row> {
  await using bed = await openBed({ engine, where, durability })
  const runs: Run[] = []
  for (let run = 0; run < runsEach; run += 1) {
    const found = await once(bed, fault)
    const { outage, errors, redundancy, epochs } = found
    runs.push(found)
    say(
      `${engine} ${where} ${fault.name} ${run + 1}: outage ${Math.round(outage)} ms, ` +
        `${errors} errors, ${epochs} epochs, whole again after ${Math.round(redundancy)} ms`,
    )
  }
  const { rows: lost, epochs: split, said } = await falsehoods(bed)
  for (const line of said) say(line)
  return { engine, durability, where, fault, runs, lost, split }
}

const places = values.where.split(',') as ('processes' | 'machines')[]
if (places.includes('machines')) {
  const missing = namespacesMissing()
  if (missing !== false) throw new Error(missing)
}
say(machineFacts())
if (values.control) {
  if (!(await runControls(say))) process.exitCode = 1
} else if (values.histories) {
  for (const engine of engines) {
    for (const where of places) if (!(await runHistories(engine, where, say))) process.exitCode = 1
  }
} else {
  const rows: Row[] = []
  for (const engine of engines) {
    for (const where of places) rows.push(...(await measure(engine, where)))
  }
  const peers = values.peer ? await comparedWithPatroni(asked, runsEach, say) : []
  printRows(rows, peers, say)
  if (durability === 'quorum' && rows.some(({ lost }) => lost > 0)) process.exitCode = 1
  if (rows.some(({ split }) => split > 0)) process.exitCode = 1
}
