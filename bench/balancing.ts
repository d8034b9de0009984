// What does a request cost? Edges beside HAProxy, nginx and proxies from npm, interleaved.
//
//   npm run bench:balancing
//   npm run bench:balancing -- --rounds 5 --seconds 8 --peer haproxy,alwayson --load 16k,tcp

import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Load, OpenProxy, ProxyKind, Run, Setting } from './balancing/load.ts'
import { loads } from './balancing/loads.ts'
import { bringNeeds } from './balancing/needs.ts'
import { alwaysOn } from './balancing/proxies/alwayson.ts'
import { haproxy, haproxyReusing } from './balancing/proxies/haproxy.ts'
import { nginx } from './balancing/proxies/nginx.ts'
import { fromNpm } from './balancing/proxies/npm.ts'
import { startOrigin } from './balancing/proxies/origin.ts'
import { joinOneGroup } from './lib/one-group.ts'
import { machineFacts, median, ratioLine, table } from './lib/report.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    peer: { type: 'string' },
    load: { type: 'string' },
  },
})

/** Ours first, then the one that the goals are ratios to. */
const kinds = [
  alwaysOn,
  haproxy,
  haproxyReusing,
  nginx,
  fromNpm('http-proxy'),
  fromNpm('fast-proxy'),
]

/** What `option` names of `all`; a name that is none of them is a mistake. */
function chosenOf<T extends { readonly name: string }>(
  all: readonly T[],
  option: string | undefined,
  names: (each: T) => readonly string[],
): readonly T[] {
  if (option === undefined) return all
  const known = new Set(all.flatMap(names))
  for (const word of option.split(',')) {
    if (!known.has(word)) throw new Error(`${word} is none of ${[...known].join(', ')}`)
  }
  return all.filter((each) => names(each).some((name) => option.split(',').includes(name)))
}

const shortId = ({ id }: Load): string => id.replace(/^cpu_per_request_/, '')
const peers = chosenOf(kinds, values.peer, ({ name }) => [name])
const chosen = chosenOf(loads, values.load, (load) => [shortId(load)])

interface Sample extends Run {
  readonly load: Load
  readonly peer: string
  readonly round: number
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)
const samples: Sample[] = []

/** Puts one load on all that run, round by round, each after a moment to warm up. */
async function sample(load: Load, all: ReadonlyMap<string, OpenProxy>): Promise<void> {
  const isFor = (name: string): boolean =>
    (load.only === undefined || load.only === name) &&
    kinds.find((kind) => kind.name === name)?.onlyFor?.includes(shortId(load)) !== false
  const running = new Map([...all].filter(([name]) => isFor(name)))
  const seconds = Number(values.seconds)
  if (load.unit !== 'KiB') for (const proxy of running.values()) await load.measure(proxy, 1)
  const rounds = load.unit === 'KiB' ? 1 : Number(values.rounds)
  for (let round = 0; round < rounds; round += 1) {
    for (const [peer, proxy] of running) {
      samples.push({ ...(await load.measure(proxy, seconds)), load, peer, round })
    }
  }
  say(`${load.name}: ${[...running.keys()].map((peer) => costText(load, peer)).join(', ')}`)
}

const costText = (load: Load, peer: string): string =>
  `${peer} ${median(of(load, peer).map(({ cost }) => cost)).toFixed(1)} ${load.unit}`

const of = (load: Load, peer: string): readonly Sample[] =>
  samples.filter((each) => each.load === load && each.peer === peer)

/** Of each round the ratio of costs to `other`, since a round's neighbours met the same noise. */
function ratioTo(load: Load, peer: string, other: string): number | undefined {
  const ratios = of(load, peer).flatMap((sample) => {
    const beside = of(load, other).find(({ round }) => round === sample.round)
    return beside === undefined ? [] : [sample.cost / beside.cost]
  })
  return ratios.length === 0 ? undefined : median(ratios)
}

/** Memory needs a balancer that nothing has happened to yet; the rest share one start. */
const groupOf = (load: Load): string =>
  JSON.stringify([load.setting, load.unit === 'KiB' && load.id])

async function measureGroup(
  group: readonly Load[],
  setting: Setting,
  folder: string,
): Promise<void> {
  mkdirSync(folder)
  const able = peers.filter((kind: ProxyKind) => kind.can(setting))
  await using origin = await startOrigin(folder, setting.origin)
  await using open = new AsyncDisposableStack()
  const running = new Map<string, OpenProxy>()
  for (const kind of able) {
    const own = join(folder, kind.name)
    mkdirSync(own)
    running.set(kind.name, open.use(await kind.start({ ...origin, folder: own }, setting)))
  }
  for (const load of group) await sample(load, running)
}

const figure = (value: number | undefined, digits: number): string =>
  value === undefined || Number.isNaN(value) ? '' : value.toFixed(digits)

function rowOf(load: Load, peer: string): readonly string[] {
  const runs = of(load, peer)
  const middle = (pick: (run: Run) => number): number => median(runs.map(pick))
  return [
    load.name,
    peer,
    figure(
      middle((run) => run.perSecond),
      0,
    ),
    `${figure(
      middle((run) => run.cost),
      1,
    )} ${load.unit}`,
    figure(ratioTo(load, peer, 'haproxy'), 2),
    figure(ratioTo(load, peer, 'nginx'), 2),
    peer === 'alwayson' && load.goal !== undefined ? `≤ ${load.goal}` : '',
    figure(
      middle((run) => run.p50),
      2,
    ),
    figure(
      middle((run) => run.p99),
      2,
    ),
    String(runs.reduce((sum, run) => sum + run.errors, 0)),
  ]
}

function report(): void {
  const head = ['load', 'balancer', 'a second', 'cost', 'to HAProxy', 'to nginx', 'goal']
  const rows = [[...head, 'p50 ms', 'p99 ms', 'errors']]
  const names = peers.map(({ name }) => name)
  for (const load of chosen) {
    for (const peer of names) {
      if (of(load, peer).length > 0) rows.push([...rowOf(load, peer)])
    }
  }
  say(`\n${machineFacts()}; middle of the rounds\n\n${table(rows)}\n`)
  for (const load of chosen) {
    for (const other of names.filter((name) => name !== 'alwayson')) {
      const ratio = ratioTo(load, 'alwayson', other)
      if (ratio === undefined) continue
      say(ratioLine(`${load.id}_vs_${other.replaceAll('-', '_')}`, [ratio]))
    }
  }
}

bringNeeds()
const folder = mkdtempSync(join(tmpdir(), 'bench-balancing-'))
// Workers of nginx run as another user, who has to get to the files.
chmodSync(folder, 0o755)
const group = joinOneGroup()
if (group.why !== undefined) say(group.why)
try {
  say(machineFacts())
  const groups = Map.groupBy(chosen, groupOf)
  for (const [index, group] of [...groups.values()].entries()) {
    const setting = group[0]?.setting
    if (setting !== undefined) await measureGroup(group, setting, join(folder, String(index)))
  }
  report()
} finally {
  await group[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
}
