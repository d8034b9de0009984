// Lives simulated lives and tells which broke a promise, with the command that lives it again.
//
//   npm run lives -- --lives 1000000 --seed 1     a million lives, from this seed on
//   npm run lives -- --seed 4711 --trace          one life, line by line

import { setImmediate } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { promises } from '../src/simulation/invariants.ts'
import { type LifeReport, live } from '../src/simulation/life.ts'

const { values } = parseArgs({
  options: {
    lives: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    most: { type: 'string', default: '10' },
  },
})
const [lives, seed, most] = [values.lives, values.seed, values.most].map(Number) as [
  number,
  number,
  number,
]

const breaches = new Map<string, number[]>()
const rules = new Map<string, number>()
let [requests, failed, virtual, steps] = [0, 0, 0, 0]
const began = performance.now()

const tell = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

function count(report: LifeReport): void {
  requests += report.requests
  failed += report.failed
  virtual += report.lasted
  steps += report.steps
  for (const [rule, times] of report.rules) rules.set(rule, (rules.get(rule) ?? 0) + times)
  const { breach } = report
  if (breach === undefined) return
  const seeds = breaches.get(breach.promise) ?? []
  seeds.push(report.plan.seed)
  breaches.set(breach.promise, seeds)
  if (seeds.length > most) return
  tell(`${breach.promise}: ${promises[breach.promise]}\n  ${breach.what}`)
  tell(`  again: npm run lives -- --seed ${report.plan.seed} --trace`)
}

for (let n = 0; n < lives; n += 1) {
  const report = await live(seed + n, values.trace ? tell : undefined)
  if (values.trace) tell(JSON.stringify(report.plan))
  count(report)
  // A life is promises alone, and the runtime forgets signals that are gone in turns of its loop.
  await setImmediate()
}

const took = performance.now() - began
for (const [rule, times] of [...rules].toSorted(([, a], [, b]) => b - a)) {
  tell(`${String(times).padStart(10)}  ${rule}`)
}
tell(
  `${lives} lives, ${Math.round(virtual / 1000)} s lived in ${(took / 1000).toFixed(1)} s ` +
    `(${(took / lives).toFixed(2)} ms and ${Math.round(steps / lives)} steps a life), ` +
    `${requests} requests, ${failed} failed`,
)
for (const [promise, seeds] of breaches) tell(`BROKEN ${promise}: ${seeds.length} lives`)
process.exitCode = breaches.size > 0 ? 1 : 0
