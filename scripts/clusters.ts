// Lives simulated lives of clusters and tells which broke a promise.
//
//   npm run clusters -- --lives 5000 --seed 1    lives, from this seed on
//   npm run clusters -- --seed 860 --hasty       a control: machines rely on who decides otherwise
//   npm run clusters -- --seed 4711 --trace      one life, line by line

import { setImmediate } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { clusterPromises, liveCluster } from '../src/simulation/cluster/life.ts'

const { values } = parseArgs({
  options: {
    lives: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    hasty: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
  },
})
const [lives, seed] = [Number(values.lives), Number(values.seed)]
if (!values.trace) Error.stackTraceLimit = 0

const tell = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

let [broken, placements] = [0, 0]
for (let n = 0; n < lives; n += 1) {
  const how = { hasty: values.hasty, ...(values.trace ? { write: tell } : {}) }
  const report = await liveCluster(seed + n, how)
  // A life is promises alone, and the runtime forgets signals that are gone in turns of its loop.
  await setImmediate()
  placements += report.placements
  const { breach } = report
  if (breach === undefined) continue
  broken += 1
  tell(`${breach.promise}: ${clusterPromises[breach.promise]}\n  ${breach.what}`)
  tell(`  again: npm run clusters -- --seed ${seed + n}${values.hasty ? ' --hasty' : ''} --trace`)
}
tell(`${lives} lives, ${placements} accepted placements, ${broken} broken`)
process.exitCode = broken > 0 ? 1 : 0
