// What does the embedded coordinator cost beside Apache ZooKeeper? The same generator, in turns,
// both standalone and writing every commit to the disk.
//
//   npm run bench:coordination
//   npm run bench:coordination -- --rounds 5 --seconds 4

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { zookeeperMissing } from '../test/engines/zookeeper.ts'
import type { ClientResult } from './coordination/client.ts'
import type { LoadKind } from './coordination/load.ts'
import {
  clientCost,
  crowd,
  load,
  type Measured,
  type MeasuredPart,
  memoryOf,
} from './coordination/measure.ts'
import { furnish, type Running, subjects } from './coordination/servers.ts'
import { machineFacts, median, ratioLine, table } from './lib/report.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    sessions: { type: 'string', default: '10000' },
    watches: { type: 'string', default: '100000' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const say = (text: string): void => void process.stdout.write(`${text}\n`)

interface Load {
  readonly name: string
  readonly label: string
  readonly kind: LoadKind
  readonly connections: number
  readonly window: number
  /** At most so much of Apache's cost. */
  readonly goal: number
}

const loads: readonly Load[] = [
  { name: 'read', label: 'reads, 16 × 64', kind: 'read', connections: 16, window: 64, goal: 0.1 },
  {
    name: 'read_unpipelined',
    label: 'reads, 64 × 1',
    kind: 'read',
    connections: 64,
    window: 1,
    goal: 0.4,
  },
  {
    name: 'write',
    label: 'writes, 16 × 64',
    kind: 'write',
    connections: 16,
    window: 64,
    goal: 0.2,
  },
  {
    name: 'write_unpipelined',
    label: 'writes, 64 × 1',
    kind: 'write',
    connections: 64,
    window: 1,
    goal: 0.4,
  },
  {
    name: 'mixed',
    label: '1 write in 10, 16 × 64',
    kind: 'mixed',
    connections: 16,
    window: 64,
    goal: 0.2,
  },
]

const bytes = 100
const nodes = 1000

interface Sample extends Measured {
  readonly load: string
  readonly server: string
  readonly round: number
}

async function sampleLoads(servers: readonly Running[]): Promise<readonly Sample[]> {
  const samples: Sample[] = []
  for (const { name, kind, connections, window } of loads) {
    for (let round = -1; round < rounds; round += 1) {
      for (const server of servers) {
        const options = { port: server.port, kind, connections, window, bytes }
        // The round before the first warms up, and does not count.
        const length = round < 0 ? Math.min(2, seconds) : seconds
        const measured = await load(server, { ...options, seconds: length })
        if (round >= 0) samples.push({ ...measured, load: name, server: server.name, round })
      }
    }
  }
  return samples
}

const [ours = '', theirs = ''] = subjects.map(({ name }) => name)

/** Of each round the ratio of costs: a round's neighbours met the same noise. */
function ratioOf(samples: readonly Sample[], name: string): number {
  const of = (server: string): readonly Sample[] =>
    samples.filter((sample) => sample.load === name && sample.server === server)
  const other = of(theirs)
  return median(of(ours).map((sample, round) => sample.cpu / (other[round]?.cpu ?? Number.NaN)))
}

const round = (value: number, digits = 2): string => value.toFixed(digits)

function reportLoads(samples: readonly Sample[]): void {
  const rows = [['load', 'server', 'a second', 'CPU µs', 'p50 ms', 'p99 ms', 'ratio', 'goal']]
  for (const { name, label, goal } of loads) {
    for (const server of [ours, theirs]) {
      const runs = samples.filter((sample) => sample.load === name && sample.server === server)
      const of = (pick: (run: Sample) => number): number => median(runs.map(pick))
      const isOurs = server === ours
      rows.push([
        label,
        server,
        String(Math.round(of((run) => run.perSecond))),
        round(of((run) => run.cpu)),
        round(of((run) => run.p50)),
        round(of((run) => run.p99)),
        isOurs ? round(ratioOf(samples, name), 3) : '1',
        isOurs ? `≤ ${goal}` : '',
      ])
    }
  }
  say(`\n${table(rows)}\n`)
}

async function crowds(servers: readonly Running[]): Promise<ReadonlyMap<string, MeasuredPart[]>> {
  const found = new Map<string, MeasuredPart[]>()
  for (const server of servers) {
    const parts = [
      ...(await crowd(server, { kind: 'watches', count: Number(values.watches) })),
      ...(await crowd(server, { kind: 'sessions', count: Number(values.sessions) })),
    ]
    found.set(server.name, parts)
  }
  return found
}

function reportCrowds(found: ReadonlyMap<string, MeasuredPart[]>): void {
  const rows = [['crowd', 'server', 'count', 'ms', 'CPU µs each', 'MiB after']]
  for (const [index, { name }] of (found.get(ours) ?? []).entries()) {
    for (const [server, parts] of found) {
      const part = parts[index]
      if (part === undefined) continue
      const { count, ms, cpu, memory } = part
      rows.push([name, server, String(count), String(Math.round(ms)), round(cpu), round(memory, 0)])
    }
  }
  say(`\n${table(rows)}\n`)
}

/** What our own client spends on each request, and how many of them one process of it makes. */
async function ownClient(port: number): Promise<ReadonlyMap<string, ClientResult>> {
  const found = new Map<string, ClientResult>()
  for (const kind of ['read', 'write'] as const) {
    found.set(kind, await clientCost({ port, kind, window: 1000, seconds }))
  }
  return found
}

/** Starts a server again and again on what it has; milliseconds to the first answer. */
async function startTimes(folder: string): Promise<ReadonlyMap<string, number>> {
  const times = new Map<string, number[]>(subjects.map(({ name }) => [name, []]))
  for (let time = 0; time < 5; time += 1) {
    for (const subject of subjects) {
      await using server = await subject.start(join(folder, `start-${subject.name}`))
      times.get(subject.name)?.push(server.startMs)
    }
  }
  return new Map([...times].map(([name, all]) => [name, median(all)]))
}

const missing = zookeeperMissing()
if (missing !== false) throw new Error(missing)
const folder = mkdtempSync(join(tmpdir(), 'bench-coordination-'))
try {
  say(machineFacts())
  const starts = await startTimes(folder)
  await using open = new AsyncDisposableStack()
  const servers: Running[] = []
  for (const subject of subjects) {
    const server = open.use(await subject.start(join(folder, subject.name)))
    await furnish(server.port, nodes, bytes)
    servers.push(server)
  }
  const samples = await sampleLoads(servers)
  reportLoads(samples)
  const memory = new Map(servers.map((server) => [server.name, memoryOf(server)]))
  const own = await ownClient(servers[0]?.port ?? 0)
  const found = await crowds(servers)
  reportCrowds(found)
  for (const { name } of loads) say(ratioLine(`${name}_cpu_vs_zookeeper`, [ratioOf(samples, name)]))
  const part = (server: string, name: string): MeasuredPart | undefined =>
    found.get(server)?.find((each) => each.name === name)
  for (const name of ['sessions opened', 'sessions pinged', 'watches set', 'watches fired']) {
    const ratio = (part(ours, name)?.cpu ?? Number.NaN) / (part(theirs, name)?.cpu ?? Number.NaN)
    say(ratioLine(`${name.replace(' ', '_')}_cpu_vs_zookeeper`, [ratio]))
  }
  for (const [server, megabytes] of memory) say(`VALUE memory_${server}_mib ${round(megabytes, 0)}`)
  for (const [server, ms] of starts) say(`VALUE start_${server}_ms ${round(ms, 0)}`)
  const best = (name: string): number =>
    median(
      samples.filter((run) => run.load === name && run.server === ours).map((run) => run.perSecond),
    )
  say(`VALUE reads_per_second ${Math.round(best('read'))}`)
  say(`VALUE durable_writes_per_second ${Math.round(best('write'))}`)
  const slow = samples.filter((run) => run.load === 'read_unpipelined' && run.server === ours)
  say(`VALUE read_unpipelined_p99_ms ${round(median(slow.map(({ p99 }) => p99)))}`)
  for (const [kind, { cpu, perSecond }] of own) {
    say(`VALUE client_${kind}_cpu_us ${round(cpu)}`)
    say(`VALUE client_${kind}s_per_second ${Math.round(perSecond)}`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
