// What does a request cost? One edge beside HAProxy, nginx and proxies from npm, interleaved.
//
//   npm run bench:balancing
//   npm run bench:balancing -- --rounds 5 --seconds 8 --peer haproxy,alwayson --path /,/16k

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type OpenProxy, proxies, startOrigin } from './balancing/proxies.ts'
import { measure, type Run } from './balancing/wrk.ts'
import { machineFacts, median, ratioLine, table } from './lib/report.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    peer: { type: 'string' },
    path: { type: 'string', default: '/' },
  },
})
const wanted = values.peer?.split(',')
const chosen = proxies.filter(({ name }) => wanted?.includes(name) ?? true)
const paths = values.path.split(',')
const connectionsOf = (path: string): number => (path === '/1m' ? 16 : 64)

interface Sample extends Run {
  readonly path: string
  readonly peer: string
  readonly round: number
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)

async function sampleAll(running: ReadonlyMap<string, OpenProxy>): Promise<readonly Sample[]> {
  const samples: Sample[] = []
  for (const path of paths) {
    for (const proxy of running.values()) await measure(proxy, path, connectionsOf(path), 1)
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const [peer, proxy] of running) {
        const run = await measure(proxy, path, connectionsOf(path), Number(values.seconds))
        samples.push({ ...run, path, peer, round })
      }
    }
  }
  return samples
}

/** Of each round the ratio of costs to `other`, since a round's neighbours met the same noise. */
function ratios(samples: readonly Sample[], path: string, peer: string, other: string): number[] {
  const of = (name: string): readonly Sample[] =>
    samples.filter((sample) => sample.path === path && sample.peer === name)
  return of(peer).flatMap((sample) => {
    const beside = of(other).find(({ round }) => round === sample.round)
    return beside === undefined ? [] : [sample.cpuPerRequest / beside.cpuPerRequest]
  })
}

const folder = mkdtempSync(join(tmpdir(), 'bench-balancing-'))
const running = new Map<string, OpenProxy>()
try {
  say(machineFacts())
  await using origin = await startOrigin(folder)
  await using open = new AsyncDisposableStack()
  for (const kind of chosen) {
    const own = join(folder, kind.name)
    mkdirSync(own)
    running.set(kind.name, open.use(await kind.start({ ...origin, folder: own })))
  }
  report(await sampleAll(running))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function report(samples: readonly Sample[]): void {
  const head = [
    'path',
    'balancer',
    'requests/s',
    'CPU µs',
    'to HAProxy',
    'p50 ms',
    'p99 ms',
    'errors',
  ]
  const rows = [head]
  for (const path of paths) {
    for (const peer of running.keys()) {
      const runs = samples.filter((sample) => sample.path === path && sample.peer === peer)
      const of = (pick: (run: Run) => number): number => median(runs.map(pick))
      rows.push([
        path,
        peer,
        String(Math.round(of((run) => run.requestsPerSecond))),
        of((run) => run.cpuPerRequest).toFixed(1),
        median(ratios(samples, path, peer, 'haproxy')).toFixed(2),
        of((run) => run.p50).toFixed(2),
        of((run) => run.p99).toFixed(2),
        String(runs.reduce((sum, run) => sum + run.errors, 0)),
      ])
    }
  }
  say(`\nmiddle of the rounds, keep-alive, one process or worker each\n\n${table(rows)}\n`)
  for (const path of paths) {
    const suffix = path === '/' ? '' : `_${path.slice(1)}`
    for (const other of chosen.map(({ name }) => name).filter((name) => name !== 'alwayson')) {
      const values = ratios(samples, path, 'alwayson', other)
      const value = values.length === 0 ? undefined : median(values)
      const name = `cpu_per_request${suffix}_vs_${other.replaceAll('-', '_')}`
      say(ratioLine(name, [value]))
    }
  }
}
