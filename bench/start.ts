// How long from nothing to the first answered request? A clean clone, the example shop, one agent,
// two edges, three replicas; cold (no compiled code kept), as `npm ci` leaves it, and warm.
//
//   npm run bench:start                  9 starts of each kind
//   npm run bench:start -- --rounds 3

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { withoutDatabase } from '../test/support/shop-file.ts'
import { openCli, projectRoot } from './lib/cli.ts'
import { statusOf } from './lib/origins.ts'
import { freePorts } from './lib/ports.ts'
import { type Child, start } from './lib/processes.ts'
import { machineFacts, median, spread, table } from './lib/report.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } })
const rounds = Number(values.rounds)
const folder = mkdtempSync(join(tmpdir(), 'bench-start-'))
const clone = join(folder, 'clone')
const shop = join(clone, 'examples', 'shop')
const log = join(folder, 'log')

/** Ms until a GET of `path` is answered with 200, asked again and again. */
async function untilAnswered(port: number, path: string): Promise<number> {
  const began = performance.now()
  while ((await statusOf(port, path)) !== 200) {
    if (performance.now() - began > 30_000) {
      throw new Error(`no answer after 30 s; it said:\n${readFileSync(log, 'utf8')}`)
    }
    await pause(2)
  }
  return performance.now() - began
}

/** What the replicas cost by themselves: three at once, until the first one answers. */
async function startReplicas(): Promise<number> {
  const ports = await freePorts(3)
  const env = { ...process.env, ORDERS: join(folder, 'orders') }
  const children: Child[] = ports.map((port) =>
    start(process.execPath, ['server.js'], {
      log,
      cwd: shop,
      env: { ...env, PORT: String(port) },
    }),
  )
  try {
    return await Promise.race(ports.map((port) => untilAnswered(port, '/')))
  } finally {
    await Promise.all(children.map((child) => child.stop('SIGKILL')))
  }
}

/** `alwayson up` in the foreground, from its first system call to the first answered request. */
async function startShop(cache: string): Promise<number> {
  const [port = 0] = await freePorts(1)
  const file = join(shop, 'alwayson.yaml')
  writeFileSync(file, template.replace('127.0.0.1:8080', `127.0.0.1:${port}`))
  const state = mkdtempSync(join(folder, 'state-'))
  const env = { XDG_CACHE_HOME: cache, NODE_COMPILE_CACHE: undefined }
  const cli = openCli(file, state, { root: clone, env })
  const launcher = join(clone, 'bin', 'alwayson.js')
  const args = [launcher, '--file', file, '--state', state, 'up']
  const agent = start(process.execPath, args, { log, env })
  try {
    return await untilAnswered(port, '/')
  } finally {
    // An orderly end: what was compiled is kept for the next start.
    agent.signal('SIGINT')
    await cli.end()
    await agent.stop('SIGTERM', 15_000)
  }
}

execFileSync('git', ['clone', '--quiet', projectRoot, clone])
symlinkSync(join(projectRoot, 'node_modules'), join(clone, 'node_modules'))
// Without its database: what is compared with the replicas by themselves is what keeps them.
const template = withoutDatabase(readFileSync(join(shop, 'alwayson.yaml'), 'utf8'))
const kept = join(folder, 'kept')

/** The compiled code that `npm ci` leaves in a clean clone, in a folder of its own each time. */
function prepared(): string {
  const cache = mkdtempSync(join(folder, 'prepared-'))
  const env = { ...process.env, XDG_CACHE_HOME: cache, NODE_COMPILE_CACHE: '' }
  execFileSync(process.execPath, [join(clone, 'scripts', 'warm.js')], { env })
  return cache
}

const cold: number[] = []
const first: number[] = []
const warm: number[] = []
const own: number[] = []
try {
  process.stdout.write(`${machineFacts()}\n`)
  await startShop(kept)
  for (let round = 0; round < rounds; round += 1) {
    own.push(await startReplicas())
    cold.push(await startShop(mkdtempSync(join(folder, 'cold-'))))
    first.push(await startShop(prepared()))
    warm.push(await startShop(kept))
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

const rows = [
  ['from a clean clone to the first answered request', 'ms (least/middle/most)'],
  ['cold: nothing compiled is kept', spread(cold)],
  ['first: as `npm ci` leaves it', spread(first)],
  ['warm: the second start and every later one', spread(warm)],
  ['of it, the replicas by themselves', spread(own)],
]
process.stdout.write(`\n${table(rows)}\n\n`)
const lines = {
  start_cold_ms: median(cold),
  start_first_ms: median(first),
  start_warm_ms: median(warm),
  start_replicas_ms: median(own),
  start_cold_less_replicas_ms: median(cold) - median(own),
  start_first_less_replicas_ms: median(first) - median(own),
  start_warm_less_replicas_ms: median(warm) - median(own),
}
for (const [name, value] of Object.entries(lines)) {
  process.stdout.write(`VALUE ${name} ${Math.round(value)}\n`)
}
