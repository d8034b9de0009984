// Lives simulated lives of replicated databases, and tells which broke a promise.
//
//   npm run lives:databases -- --lives 10000000 --seed 1
//   npm run lives:databases -- --lives 1000 --durability async

import { parseArgs } from 'node:util'
import { liveDatabase } from '../src/simulation/database/life.ts'

const { values } = parseArgs({
  options: {
    lives: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    durability: { type: 'string', default: 'quorum' },
  },
})
const durability = values.durability === 'async' ? 'async' : 'quorum'
const lives = Number(values.lives)
const seed = Number(values.seed)
const tell = (line: string): void => void process.stdout.write(`${line}\n`)

/** Broken ones that are shown in full. */
const shownMost = 10
const progressEvery = 10_000

let [broken, acknowledged, epochs] = [0, 0, 0]
const began = performance.now()
for (let n = 0; n < lives; n += 1) {
  const lived = liveDatabase({ seed: seed + n, durability })
  acknowledged += lived.acknowledged
  epochs += lived.epochs
  if (lived.broken !== undefined) {
    broken += 1
    if (broken <= shownMost) tell(`BROKEN seed ${lived.seed}: ${lived.broken}`)
  }
  if (process.stderr.isTTY && n % progressEvery === 0) {
    process.stderr.write(`\r${n} of ${lives} lives, ${broken} broken`)
  }
}
const seconds = (performance.now() - began) / 1000
tell(
  `\n${lives} lives (${durability}) in ${seconds.toFixed(1)} s: ${acknowledged} acknowledged ` +
    `writes, ${epochs} epochs, ${broken} broken promises`,
)
process.exitCode = broken > 0 ? 1 : 0
