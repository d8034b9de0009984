// Lives simulated lives of replicated databases, and tells which broke a promise.
//
//   npm run lives:databases -- --lives 10000000 --seed 1
//   npm run lives:databases -- --lives 1000 --durability async --engine mariadb
//   npm run lives:databases -- --lives 10000000 --state folder   goes on where it was ended
//
// With --workers each lives a part of the seeds in a process of its own.

import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { liveDatabase } from '../src/simulation/database/life.ts'

const { values } = parseArgs({
  options: {
    lives: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    durability: { type: 'string', default: 'quorum' },
    engine: { type: 'string' },
    workers: { type: 'string', default: '1' },
    /** A file that says how far this range of seeds has come. */
    state: { type: 'string' },
  },
})
const durability = values.durability === 'async' ? 'async' : 'quorum'
const engine =
  values.engine === 'mariadb' || values.engine === 'postgresql' ? values.engine : undefined
const lives = Number(values.lives)
const seed = Number(values.seed)
const tell = (line: string): void => void process.stdout.write(`${line}\n`)

/** Broken ones that are shown in full. */
const shownMost = 10
/** Time between two lines of progress, and lives between two looks at the clock. */
const toldEvery = 30_000
const looksEvery = 1000

interface Tally {
  done: number
  broken: number
  acknowledged: number
  epochs: number
}

function resume(): Tally {
  const { state } = values
  const fresh = { done: 0, broken: 0, acknowledged: 0, epochs: 0 }
  if (state === undefined || !existsSync(state)) return fresh
  return { ...fresh, ...(JSON.parse(readFileSync(state, 'utf8')) as Partial<Tally>) }
}

function live(): void {
  const tally = resume()
  const began = performance.now()
  let told = began
  const keep = (): void => {
    if (values.state !== undefined) writeFileSync(values.state, JSON.stringify(tally))
  }
  for (; tally.done < lives; tally.done += 1) {
    const lived = liveDatabase({ seed: seed + tally.done, durability, engine })
    tally.acknowledged += lived.acknowledged
    tally.epochs += lived.epochs
    if (lived.broken !== undefined) {
      tally.broken += 1
      if (tally.broken <= shownMost) tell(`BROKEN seed ${lived.seed}: ${lived.broken}`)
    }
    if (tally.done % looksEvery > 0 || performance.now() - told < toldEvery) continue
    told = performance.now()
    tell(`${tally.done} of ${lives} lives from seed ${seed}, ${tally.broken} broken`)
    keep()
  }
  keep()
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  const kind = [durability, engine].filter((each) => each !== undefined).join(', ')
  tell(
    `${tally.done} lives (${kind}) from seed ${seed} in ${seconds} s: ` +
      `${tally.acknowledged} acknowledged writes, ${tally.epochs} epochs, ` +
      `${tally.broken} broken promises`,
  )
  process.exitCode = tally.broken > 0 ? 1 : 0
}

/** Each worker has a range of seeds of its own, and may be resumed by it. */
async function share(workers: number): Promise<void> {
  const part = Math.ceil(lives / workers)
  const ends = Array.from({ length: workers }, (_, at) => {
    const rest: string[] = ['--durability', durability]
    if (engine !== undefined) rest.push('--engine', engine)
    if (values.state !== undefined) rest.push('--state', `${values.state}.${at}`)
    const range = ['--lives', String(part), '--seed', String(seed + at * part)]
    const child = spawn(process.execPath, [import.meta.filename, ...range, ...rest], {
      stdio: 'inherit',
    })
    return new Promise<number>((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (code) => resolve(code ?? 1))
    })
  })
  process.exitCode = Math.max(...(await Promise.all(ends)))
}

const workers = Number(values.workers)
if (workers > 1) await share(workers)
else live()
