// How long do clients wait when a database's primary fails, and is anything lost?
//
//   npm run bench:failover                     everything, ten times each: hours
//   npm run bench:failover -- --engine postgresql --where processes --fault server_killed --runs 3
//
// A client on every machine writes a row each 10 ms through its own door. Outage is the longest
// wait of a client that the fault leaves alone; redundancy is back when every member follows.

import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { isAcknowledgedKept } from '../src/drills/checkers/acknowledged.ts'
import { describeAcknowledged } from '../src/drills/checkers/describe.ts'
import { namespacesMissing } from '../test/hosts/namespaces.ts'
import { type Bed, openBed, type Place } from './failover/bed.ts'
import { type Fault, faults } from './failover/faults.ts'
import { noticed } from './failover/history.ts'
import { judge } from './failover/judge.ts'
import type { Target } from './failover/session.ts'
import { machineFacts, spread, table } from './lib/report.ts'

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'postgresql,mariadb' },
    where: { type: 'string', default: 'processes,machines' },
    fault: { type: 'string', default: faults.map(({ name }) => name).join(',') },
    durability: { type: 'string', default: 'quorum' },
    runs: { type: 'string', default: '10' },
  },
})

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** What one run showed. */
interface Run {
  readonly outage: number
  readonly errors: number
  readonly redundancy: number
}

/** What all runs of one fault showed. */
interface Row {
  readonly engine: string
  readonly where: string
  readonly fault: Fault
  readonly runs: readonly Run[]
  lost: number
}

async function once(bed: Bed, fault: Fault): Promise<Run> {
  const seen = await bed.well()
  const primary = seen.primary ?? ''
  let at = 0
  let concerned: readonly Place[] = []
  const now = (): number => performance.timeOrigin + performance.now()
  await fault.befall(bed, {
    primary,
    replicas: seen.members.map(({ name }) => name).filter((name) => name !== primary),
    members: seen.members,
    strikes(places = []) {
      at = now()
      concerned = bed.places.length === 1 ? [] : places
    },
    pause: (ms) => pause(ms),
  })
  await bed.well()
  const end = now()
  await bed.approve()
  const left = bed.places.filter((place) => !concerned.includes(place))
  const told = left.map((place) => noticed(place.history(), at, end))
  return {
    outage: Math.max(...told.map(({ outage }) => outage)),
    errors: told.reduce((sum, { errors }) => sum + errors, 0),
    redundancy: end - at,
  }
}

/** Rows that are gone or there against what their client was told. */
async function lost(bed: Bed): Promise<number> {
  let count = 0
  for (const place of bed.places) {
    const verdict = await judge(bed, place)
    if (!isAcknowledgedKept(verdict)) say(`${place.name}: ${describeAcknowledged(verdict)}`)
    count += verdict.lost.length + verdict.unexpected.length
  }
  return count
}

async function measure(engine: Target['engine'], where: 'processes' | 'machines'): Promise<Row[]> {
  const chosen = faults.filter(
    ({ name, machinesOnly }) =>
      values.fault.split(',').includes(name) && (where === 'machines' || machinesOnly !== true),
  )
  const durability = values.durability === 'async' ? 'async' : 'quorum'
  await using bed = await openBed({ engine, where, durability })
  const rows: Row[] = []
  let before = 0
  for (const fault of chosen) {
    const runs: Run[] = []
    for (let run = 0; run < Number(values.runs); run += 1) {
      const found = await once(bed, fault)
      const { outage, errors, redundancy } = found
      runs.push(found)
      say(
        `${engine} ${where} ${fault.name} ${run + 1}: outage ${Math.round(outage)} ms, ` +
          `${errors} errors, whole again after ${Math.round(redundancy)} ms`,
      )
    }
    const gone = await lost(bed)
    rows.push({ engine, where, fault, runs, lost: gone - before })
    before = gone
  }
  return rows
}

if (values.where.includes('machines')) {
  const missing = namespacesMissing()
  if (missing !== false) throw new Error(missing)
}
say(machineFacts())
const rows: Row[] = []
for (const engine of values.engine.split(',') as Target['engine'][]) {
  for (const where of values.where.split(',') as ('processes' | 'machines')[]) {
    rows.push(...(await measure(engine, where)))
  }
}
const p99 = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.ceil(numbers.length * 0.99) - 1] ?? Number.NaN
say(
  table([
    ['engine', 'where', 'what befalls', 'outage, ms', 'errors', 'lost', 'whole again, ms'],
    ...rows.map(({ engine, where, fault, runs, lost: gone }) => [
      ...[engine, where, fault.what, spread(runs.map(({ outage }) => outage))],
      ...[spread(runs.map(({ errors }) => errors)), String(gone)],
      spread(runs.map(({ redundancy }) => redundancy)),
    ]),
  ]),
)
const mode = values.durability === 'async' ? '_async' : ''
for (const { engine, where, fault, runs, lost: gone } of rows) {
  const name = `${engine}${mode}_${fault.name}${where === 'machines' ? '_machines' : ''}`
  say(`VALUE outage_${name}_p99_ms ${Math.round(p99(runs.map(({ outage }) => outage)))}`)
  say(`VALUE lost_${name} ${gone}`)
  say(`VALUE errors_${name} ${runs.reduce((sum, { errors }) => sum + errors, 0)}`)
}
if (mode === '' && rows.some(({ lost: gone }) => gone > 0)) process.exitCode = 1
