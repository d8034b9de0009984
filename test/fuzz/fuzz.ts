// Does every parser keep its promises whatever comes in?
//
//   npm run fuzz                                            a million inputs, all parsers
//   npm run fuzz -- --inputs 100000 --seed 7 --target spec  some of one
//
// Promised: nothing is thrown but what is said to be, nothing hangs, it does not matter how bytes
// arrive cut, and what is written is read again. A broken promise is printed with the shortest
// input that breaks it, and the seed.

import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type FuzzOutcome, fuzz } from './engine.ts'
import { shares, targets } from './targets.ts'

/** An input that is worked on for longer hangs. */
const patience = 20_000

/** What a worker is told, and the memory in which it says what it works on. */
interface Task {
  readonly name: string
  readonly seed: number
  readonly inputs: number
  /** A count of inputs, and the length of the last one. */
  readonly counts: SharedArrayBuffer
  readonly input: SharedArrayBuffer
}

function work({ name, seed, inputs, counts, input }: Task): FuzzOutcome {
  const target = targets.find((one) => one.name === name)
  if (target === undefined) throw new Error(`there is no target ${name}`)
  const [numbers, bytes] = [new Int32Array(counts), new Uint8Array(input)]
  const before = (given: Buffer): void => {
    bytes.set(given.subarray(0, bytes.length))
    numbers[1] = given.length
    Atomics.add(numbers, 0, 1)
  }
  return fuzz(target, { seed, inputs, before })
}

/** Runs one target in a thread that can be given up. */
async function watched(name: string, seed: number, inputs: number): Promise<FuzzOutcome> {
  const [counts, input] = [new SharedArrayBuffer(8), new SharedArrayBuffer(8192)]
  const workerData: Task = { name, seed, inputs, counts, input }
  const worker = new Worker(new URL(import.meta.url), { workerData })
  const numbers = new Int32Array(counts)
  const { promise, resolve, reject } = Promise.withResolvers<FuzzOutcome>()
  let last = -1
  const timer = setInterval(() => {
    const index = Atomics.load(numbers, 0)
    if (index !== last) {
      last = index
      return
    }
    const text = Buffer.from(input).toString('latin1', 0, numbers[1])
    const failure = { target: name, seed, index: index - 1, message: 'it hangs', input: text }
    resolve({ inputs: index, outcomes: 0, failure })
  }, patience)
  worker.once('message', resolve)
  worker.once('error', reject)
  try {
    return await promise
  } finally {
    clearInterval(timer)
    await worker.terminate()
  }
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      inputs: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      target: { type: 'string' },
    },
  })
  const names = values.target?.split(',')
  const chosen = targets.filter(({ name }) => names?.includes(name) ?? true)
  if (chosen.length === 0) throw new Error(`targets: ${targets.map(({ name }) => name).join(', ')}`)
  const counts = shares(chosen, Number(values.inputs))
  let [total, broken] = [0, 0]
  for (const [index, { name }] of chosen.entries()) {
    const began = performance.now()
    const outcome = await watched(name, Number(values.seed), counts[index] ?? 0)
    const took = (performance.now() - began) / 1000
    total += outcome.inputs
    const { failure } = outcome
    const told = `${outcome.inputs} inputs, ${outcome.outcomes} outcomes, ${took.toFixed(1)} s`
    say(`${name.padEnd(16)} ${told}${failure === undefined ? '' : ': BROKEN'}`)
    if (failure === undefined) continue
    broken += 1
    say(`  ${failure.message}\n  input ${failure.index}: ${JSON.stringify(failure.input)}`)
    say(`  again: npm run fuzz -- --target ${name} --seed ${failure.seed}`)
  }
  say(`VALUE fuzz_inputs ${total}`)
  say(`VALUE fuzz_broken ${broken}`)
  process.exitCode = broken === 0 ? 0 : 1
}

if (!isMainThread) parentPort?.postMessage(work(workerData as Task))
else if (import.meta.main) await main()
