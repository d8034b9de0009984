// Does the embedded server do what Apache ZooKeeper does? The same seeded steps of several clients
// go to both, and every answer and every watch event is compared.
//
//   npm run differential:coordination -- --seed 1 --runs 20 --steps 2000

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openEmbeddedServer } from '../../src/coordination/embedded/server.ts'
import { openZooKeeper, zookeeperMissing } from '../engines/zookeeper.ts'
import { compare, type Difference, type Outcome } from './run.ts'

/** Says a difference so that it can be found again. */
export function describeDifference(seed: number, difference: Difference): string {
  const { step, what, one, other, story } = difference
  return [
    `seed ${seed}, step ${step}: ${what} differs`,
    `  Apache:   ${one}`,
    `  embedded: ${other}`,
    'after:',
    ...story.map((line) => `  ${line}`),
  ].join('\n')
}

/** Runs seeds against one pair of fresh servers each, calling `each` with what they came to. */
export async function runSeeds(
  seeds: readonly number[],
  steps: number,
  each: (seed: number, outcome: Outcome) => void,
): Promise<void> {
  for (const seed of seeds) {
    const folder = mkdtempSync(join(tmpdir(), 'alwayson-differential-'))
    try {
      await using apache = await openZooKeeper({
        config: { maxSessionTimeout: 60_000 },
        properties: { 'zookeeper.enforceQuota': true },
      })
      await using embedded = await openEmbeddedServer({
        folder,
      })
      each(seed, await compare([apache.port, embedded.port], { seed, steps }))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      runs: { type: 'string', default: '10' },
      steps: { type: 'string', default: '2000' },
    },
  })
  const missing = zookeeperMissing()
  if (missing !== false) throw new Error(missing)
  const first = Number(values.seed)
  const seeds = Array.from({ length: Number(values.runs) }, (_, index) => first + index)
  let differences = 0
  await runSeeds(seeds, Number(values.steps), (seed, outcome) => {
    const { steps, requests, done, events, difference } = outcome
    const counts = `${steps} steps, ${requests} answers (${done} done), ${events} events`
    if (difference !== undefined) differences += 1
    console.log(
      difference === undefined
        ? `seed ${seed}: ${counts}: no difference`
        : describeDifference(seed, difference),
    )
  })
  console.log(`VALUE differences ${differences}`)
  process.exitCode = differences === 0 ? 0 : 1
}

if (import.meta.main) await main()
