// Lives simulated lives of replicated databases, and tells which broke a promise.
//
//   npm run lives:databases -- --lives 10000000 --seed 1
//   npm run lives:databases -- --lives 1000 --durability async --engine mariadb
//   npm run lives:databases -- --lives 10000000 --state file     goes on where it was ended
//   npm run lives:databases -- --lives 10000000 --to file        and appends there what it found
//   npm run lives:databases -- --seed 4711 --trace               one life, line by line
//
// With --workers each lives a part of the seeds in a process of its own.

import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
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
    /** A file that gets a line for each broken life, and how many were lived, now and then. */
    to: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
})
const durability = values.durability === 'async' ? 'async' : 'quorum'
const engine =
  values.engine === 'mariadb' || values.engine === 'postgresql' ? values.engine : undefined
const lives = Number(values.lives)
const seed = Number(values.seed)
const tell = (line: string): void => void process.stdout.write(`${line}\n`)

/** Broken ones that are shown in full; all of them are written to the file. */
const shownMost = 10
/** Time between two lines of progress, and so many of them between two in the file. */
const toldEvery = 30_000
const keptEvery = 20
/** Lives between two looks at the clock. */
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

const append = (line: string): void => {
  if (values.to !== undefined) appendFileSync(values.to, `${new Date().toISOString()} ${line}\n`)
}

/** A life that could not be lived to its end is as bad as one that broke a promise. */
function lived(at: number, tally: Tally): string | undefined {
  try {
    const life = liveDatabase({ seed: at, durability, engine })
    tally.acknowledged += life.acknowledged
    tally.epochs += life.epochs
    return life.broken
  } catch (thrown) {
    return `it threw ${thrown instanceof Error ? thrown.stack : String(thrown)}`
  }
}

const kind = [durability, engine].filter((each) => each !== undefined).join(', ')
const describe = ({ done, acknowledged, epochs, broken }: Tally): string =>
  `${done} of ${lives} lives (${kind}) from seed ${seed}: ${acknowledged} acknowledged writes, ` +
  `${epochs} epochs, ${broken} broken promises`

function live(): void {
  const tally = resume()
  let [told, tellings] = [performance.now(), 0]
  const keep = (): void => {
    if (values.state !== undefined) writeFileSync(values.state, JSON.stringify(tally))
  }
  while (tally.done < lives) {
    const at = seed + tally.done
    const broken = lived(at, tally)
    tally.done += 1
    if (broken !== undefined) {
      tally.broken += 1
      append(`BROKEN seed ${at}: ${broken}`)
      if (tally.broken <= shownMost) tell(`BROKEN seed ${at}: ${broken}`)
    }
    if (tally.done % looksEvery > 0 || performance.now() - told < toldEvery) continue
    told = performance.now()
    tell(describe(tally))
    if (tellings % keptEvery === 0) append(describe(tally))
    tellings += 1
    keep()
  }
  keep()
  append(describe(tally))
  tell(describe(tally))
  process.exitCode = tally.broken > 0 ? 1 : 0
}

/** Each worker has a range of seeds of its own, and may be resumed by it. */
async function share(workers: number): Promise<void> {
  const part = Math.ceil(lives / workers)
  const ends = Array.from({ length: workers }, (_, at) => {
    const rest: string[] = ['--durability', durability]
    if (engine !== undefined) rest.push('--engine', engine)
    if (values.state !== undefined) rest.push('--state', `${values.state}.${at}`)
    if (values.to !== undefined) rest.push('--to', values.to)
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
if (values.trace)
  tell(liveDatabase({ seed, durability, engine, tell }).broken ?? 'no broken promise')
else if (workers > 1) await share(workers)
else live()
