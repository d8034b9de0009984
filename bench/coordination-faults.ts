// How long can nobody write, when the leader of a managed ensemble is killed, and when it only
// stands still? Three servers of Apache ZooKeeper here, kept as `coordination: managed` has it.
//
//   npm run bench:coordination-faults -- --times 5

import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { OpenCoordinator } from '../src/coordination/zookeeper.ts'
import { openManagedMachines } from '../test/engines/managed-ensemble.ts'
import { until } from '../test/engines/waiting.ts'
import { zookeeperMissing } from '../test/engines/zookeeper.ts'
import { machineFacts, median } from './lib/report.ts'

const { values } = parseArgs({ options: { times: { type: 'string', default: '5' } } })
const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** Writes as fast as writes are taken; the longest wait between two, since it was asked last. */
function openWriter(coordinator: OpenCoordinator) {
  let isOver = false
  let longest = 0
  let takenAt = performance.now()
  const run = async (): Promise<void> => {
    while (!isOver) {
      try {
        await coordinator.write([{ kind: 'set', path: '/beat', data: 'x' }])
        longest = Math.max(longest, performance.now() - takenAt)
        takenAt = performance.now()
        await pause(5)
      } catch (thrown) {
        if (coordinator.over.aborted) throw thrown
        // The connection was lost: what counts is when a write is taken again.
        await pause(5)
      }
    }
  }
  let failure: unknown
  const done = run().catch((thrown: unknown) => {
    failure = thrown
  })
  return {
    reset() {
      longest = 0
      takenAt = performance.now()
    },
    longest: () => longest,
    takenSince(at: number): boolean {
      if (failure !== undefined) throw failure
      return takenAt > at
    },
    async [Symbol.asyncDispose]() {
      isOver = true
      await done
    },
  }
}

const missing = zookeeperMissing()
if (missing !== false) throw new Error(missing)
say(machineFacts())
await using all = await openManagedMachines(3)
const first = await all.leader()
await using coordinator = await first.coordination?.open(AbortSignal.timeout(30_000))
if (coordinator === undefined) throw new Error('the machine takes no part')
await coordinator.write([{ kind: 'create', path: '/beat' }])
await using writer = openWriter(coordinator)
for (const [name, signal] of [
  ['killed', 'SIGKILL'],
  ['stopped', 'SIGSTOP'],
] as const) {
  const gaps: number[] = []
  for (let time = 0; time < Number(values.times); time += 1) {
    const leader = await all.leader()
    const pid = leader.pid()
    if (pid === undefined) throw new Error(`${leader.name} runs no server`)
    await pause(1000)
    writer.reset()
    process.kill(pid, signal)
    const struckAt = performance.now()
    await until('another process has taken its place', () => (leader.pid() ?? pid) !== pid)
    await until('writes are taken again', () => writer.takenSince(struckAt + 200))
    await all.leader()
    gaps.push(writer.longest())
  }
  say(`leader ${name}: ${gaps.map((gap) => Math.round(gap)).join(', ')} ms without a write`)
  say(`VALUE leader_${name}_ms ${Math.round(median(gaps))}`)
}
