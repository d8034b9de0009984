// Lives simulated lives of elections and tells which broke a promise, with the command that lives it
// again.
//
//   npm run elections -- --lives 1000000 --seed 1    a million lives, from this seed on
//   npm run elections -- --lives 2000 --unguarded    a control: leaders whose writes carry no epoch
//   npm run elections -- --seed 4711 --trace         one life, line by line

import { setImmediate } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  type ElectionPromise,
  electionPromises,
  liveElection,
} from '../src/simulation/elections/life.ts'

const { values } = parseArgs({
  options: {
    lives: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    unguarded: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    most: { type: 'string', default: '5' },
  },
})
const [lives, seed, most] = [values.lives, values.seed, values.most].map(Number) as [
  number,
  number,
  number,
]
// What is refused in these lives is refused by the thousand: nobody reads where it was thrown.
if (!values.trace) Error.stackTraceLimit = 0
const manner = values.unguarded ? 'unguarded' : 'guarded'
const breaches = new Map<ElectionPromise, number>()
let [epochs, writes, steps] = [0, 0, 0]
const began = performance.now()

const tell = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

for (let n = 0; n < lives; n += 1) {
  const report = await liveElection(seed + n, values.trace ? { manner, write: tell } : { manner })
  if (values.trace) tell(JSON.stringify(report.plan))
  // A life is promises alone, and the runtime forgets signals that are gone in turns of its loop.
  await setImmediate()
  epochs += report.epochs
  writes += report.writes
  steps += report.steps
  if ((n + 1) % 50_000 === 0 && n + 1 < lives) tell(`${n + 1} lives so far`)
  const { breach } = report
  if (breach === undefined) continue
  const count = (breaches.get(breach.promise) ?? 0) + 1
  breaches.set(breach.promise, count)
  if (count > most) continue
  tell(`${breach.promise}: ${electionPromises[breach.promise]}\n  ${breach.what}`)
  const how = values.unguarded ? ' --unguarded' : ''
  tell(`  again: npm run elections -- --seed ${report.plan.seed}${how} --trace`)
}

const seconds = (performance.now() - began) / 1000
const { user, system } = process.cpuUsage()
const perCore = Math.round((lives * 1e6) / (user + system))
tell(
  `${lives} lives in ${seconds.toFixed(1)} s (${perCore} a second of one core), ` +
    `${epochs} epochs, ${writes} accepted writes of leaders, ${Math.round(steps / lives)} steps a life`,
)
for (const [promise, count] of breaches) tell(`BROKEN ${promise}: ${count} lives`)
process.exitCode = breaches.size > 0 ? 1 : 0
