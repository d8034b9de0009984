// What do health checks cost the process that makes them? One agent beside one HAProxy, each asking
// the same servers once a second: 1,000 over HTTP, 5,000 over TCP.
//
//   npm run bench:checks -- --seconds 10 --rounds 2

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { bringNeeds } from './balancing/needs.ts'
import { addressText } from './checks/addresses.ts'
import { openCli } from './lib/cli.ts'
import { cpuMicros, start, treeOf } from './lib/processes.ts'
import { machineFacts, median, ratioLine, table } from './lib/report.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '2' },
  },
})
const seconds = Number(values.seconds)
const rounds = Number(values.rounds)
/** After the start: servers come up, and find their places in the interval. */
const warmUp = 8000

interface Kind {
  readonly name: 'http' | 'tcp'
  readonly servers: number
}
const kinds: readonly Kind[] = [
  { name: 'http', servers: 1000 },
  { name: 'tcp', servers: 5000 },
]

interface Checker extends AsyncDisposable {
  pids(): Promise<readonly number[]>
}

async function startAlwaysOn(kind: Kind, folder: string): Promise<Checker> {
  const file = join(folder, 'alwayson.yaml')
  const servers = Array.from({ length: kind.servers }, (_, index) => addressText(index))
  const check = kind.name === 'http' ? '/' : 'tcp'
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ name: 'bench', services: { web: { servers, check } } }))
  const cli = openCli(file, join(folder, 'state'))
  await cli.say('up', '--detach')
  const { agent } = await cli.status()
  return {
    pids: async () => treeOf(agent.pid),
    [Symbol.asyncDispose]: () => cli.end(),
  }
}

async function startHaproxy(kind: Kind, folder: string): Promise<Checker> {
  const file = join(folder, 'haproxy.cfg')
  const lines = Array.from(
    { length: kind.servers },
    (_, index) => `  server s${index} ${addressText(index)} check inter 1s`,
  )
  const option = kind.name === 'http' ? '  option httpchk GET /\n' : ''
  const mode = `defaults\n  mode ${kind.name}\n  timeout connect 1s\n`
  const times = '  timeout server 1s\n  timeout client 1s\n  timeout check 1s\n'
  // Without a door it does not start.
  const door = `frontend in\n  bind unix@${join(folder, 'haproxy.sock')}\n  default_backend web\n`
  writeFileSync(
    file,
    `global\n  nbthread 1\n${mode}${times}${door}backend web\n${option}${lines.join('\n')}\n`,
  )
  const child = start('haproxy', ['-db', '-f', file], { log: join(folder, 'haproxy.log') })
  return {
    pids: async () => treeOf(child.pid),
    [Symbol.asyncDispose]: () => child.stop(),
  }
}

const checkers = { alwayson: startAlwaysOn, haproxy: startHaproxy }
type Name = keyof typeof checkers

interface Measured {
  readonly cpu: number
  readonly errors: readonly number[]
}

async function measure(name: Name, kind: Kind, target: ChildProcess): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-checks-'))
  try {
    await using checker = await checkers[name](kind, folder)
    await pause(warmUp)
    target.send('forget')
    const pids = await checker.pids()
    const [cpu, began] = [cpuMicros(pids), performance.now()]
    await pause(seconds * 1000)
    const used = (cpuMicros(pids) - cpu) / (performance.now() - began) / 1000
    target.send('tell')
    const [asked] = (await once(target, 'message')) as [readonly (readonly number[])[]]
    const gaps = asked.flatMap((times) => times.slice(1).map((at, n) => at - (times[n] ?? at)))
    const errors = gaps.map((gap) => Math.abs(gap - 1000)).toSorted((a, b) => a - b)
    return { cpu: used, errors }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

async function openTarget(servers: number): Promise<ChildProcess> {
  const path = join(import.meta.dirname, 'checks', 'target.ts')
  const target = fork(path, [String(servers)], { serialization: 'advanced' })
  await once(target, 'message')
  return target
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
const millis = (value: number): string => value.toFixed(1)

bringNeeds()
say(machineFacts())
const rows = [['checks', 'by', 'CPU of a core', 'µs a check', 'interval error p50/p99/max ms']]
const ratios: string[] = []
for (const kind of kinds) {
  const target = await openTarget(kind.servers)
  const found: Record<Name, Measured[]> = { alwayson: [], haproxy: [] }
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const name of Object.keys(found) as Name[]) {
        found[name].push(await measure(name, kind, target))
      }
    }
  } finally {
    target.disconnect()
    await once(target, 'exit')
  }
  const each = (name: Name) => {
    const cpu = median(found[name].map((one) => one.cpu))
    const errors = found[name].flatMap((one) => one.errors).toSorted((a, b) => a - b)
    // A connection that is reset before it is accepted is not seen: so end checks over TCP.
    const [p50, p99, most] = [at(errors, 0.5), at(errors, 0.99), errors.at(-1) ?? Number.NaN]
    const isSeen = kind.name === 'http' && errors.length > 0
    rows.push([
      ...[`${kind.servers} ${kind.name}/s`, name, percent(cpu)],
      ...[
        String(Math.round((cpu * 1e6) / kind.servers)),
        isSeen ? [p50, p99, most].map(millis).join(' / ') : '-',
      ],
    ])
    return { cpu, p99: isSeen ? p99 : undefined }
  }
  const [ours, theirs] = [each('alwayson'), each('haproxy')]
  ratios.push(
    ratioLine(`check_cpu_vs_haproxy_${kind.name}`, [ours.cpu / theirs.cpu]),
    ratioLine(`check_interval_error_p99_ms_${kind.name}`, [ours.p99, theirs.p99]),
  )
}
say(table(rows))
for (const ratio of ratios) say(ratio)
