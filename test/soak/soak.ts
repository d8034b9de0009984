// Does it stay up for an hour of faults without losing a request, or growing? The real command
// line, two services, two edges, load at half of what the machine bears, and a fault each minute.
//
//   npm run soak -- --hours 1
//   npm run soak -- --minutes 5 --rate 200 --picture soak.svg
//
// Edges are exchanged one by one by an upgrade, but never killed: what is in flight on a killed
// edge is lost with its connections, and no balancer can mend that.

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { machineFacts, table } from '../../bench/lib/report.ts'
import { seriesOf, sparkline, svg } from './picture.ts'
import { type Soaked, soak } from './run.ts'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const { values } = parseArgs({
  options: {
    hours: { type: 'string' },
    minutes: { type: 'string' },
    rate: { type: 'string' },
    picture: { type: 'string' },
    json: { type: 'string' },
  },
})
const minutes = Number(values.minutes ?? 0) + 60 * Number(values.hours ?? 0) || 60

function summary(soaked: Soaked): void {
  const { judgements, turns } = soaked
  const one = (value: number): string => value.toFixed(1)
  say(
    table([
      ['process', 'pid', 'judged min', 'MiB first', 'MiB last', 'MiB an hour', 'fds', 'flat'],
      ...judgements.map((life) => [
        ...[life.name, String(life.pid), one(life.judged / 60)],
        ...[one(life.memory[0]), one(life.memory[1]), one(life.memorySlope)],
        ...[life.files.join(' → '), life.isFlat ? 'yes' : 'NO'],
      ]),
    ]),
  )
  const rows = [
    ['failed', (turn: (typeof turns)[number]) => turn.failed],
    ['p99 ms', (turn: (typeof turns)[number]) => turn.p99],
  ] as const
  for (const [name, pick] of rows) {
    say(`${name.padEnd(8)} ${sparkline(turns.map((turn) => ({ at: turn.at, value: pick(turn) })))}`)
  }
  for (const { name, points } of seriesOf(soaked.lives, 'memory')) {
    if (!name.startsWith('guard')) say(`${name.padEnd(20)} ${sparkline(points)} MiB`)
  }
}

function picture(soaked: Soaked, path: string): void {
  const { turns, lives, marks, seconds } = soaked
  const of = (name: string, pick: (turn: (typeof turns)[number]) => number) => ({
    name,
    points: turns.map((turn) => ({ at: turn.at, value: pick(turn) })),
  })
  const panels = [
    { title: 'failed requests a turn', series: [of('failed', (turn) => turn.failed)] },
    {
      title: 'latency, ms: p50, p99',
      series: [of('p50', (turn) => turn.p50), of('p99', (turn) => turn.p99)],
    },
    { title: 'memory, MiB', series: seriesOf(lives, 'memory') },
    { title: 'file descriptors', series: seriesOf(lives, 'files') },
  ]
  writeFileSync(path, svg(panels, marks, seconds))
}

say(machineFacts())
const soaked = await soak({
  folder: mkdtempSync(join(tmpdir(), 'aos-')),
  turns: Math.max(2, Math.round(minutes)),
  turn: 60_000,
  rate: values.rate === undefined ? undefined : Number(values.rate),
  tell: say,
})
summary(soaked)
if (values.picture !== undefined) picture(soaked, values.picture)
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(soaked))
const grown = soaked.judgements.filter(({ isFlat }) => !isFlat)
say(`VALUE soak_minutes ${Math.round(soaked.seconds / 60)}`)
say(`VALUE soak_requests ${soaked.requests}`)
say(`VALUE soak_failed ${soaked.failed}`)
say(`VALUE soak_slow ${soaked.slow}`)
say(`VALUE soak_grown ${grown.length}`)
process.exitCode = soaked.failed > 0 || grown.length > 0 || soaked.judgements.length === 0 ? 1 : 0
