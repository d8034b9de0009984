// What does it cost to be observed? The hooks of a request by themselves, and a line of the access
// log for each request beside HAProxy with its own.
//
//   npm run bench:observing
//   npm run bench:observing -- --rounds 3 --seconds 3

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  Account,
  DoorMeter,
  PoolMeter,
  ServerMeter,
} from '../src/balancing/engines/native/edge/meters.ts'
import { accessLine } from '../src/balancing/engines/native/http/access-line.ts'
import { Timeline } from '../src/balancing/engines/native/http/timeline.ts'
import { openClock } from '../src/foundation/time.ts'
import { type OpenProxy, type Place, plain } from './balancing/load.ts'
import { answering } from './balancing/proxies/answering.ts'
import { startOrigin } from './balancing/proxies/origin.ts'
import { wrk } from './balancing/wrk.ts'
import { openCli } from './lib/cli.ts'
import { freePorts } from './lib/ports.ts'
import { start, treeOf } from './lib/processes.ts'
import { machineFacts, median } from './lib/report.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
  },
})
const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** Microseconds of processor time that a request's hooks take, as an exchange calls them. */
function costOfHooks(): number {
  const clock = openClock()
  const timeline = new Timeline()
  const account = new Account(new DoorMeter())
  const pool = { row: { name: 'web' }, meter: new PoolMeter() }
  const server = new ServerMeter()
  const once = (): void => {
    const came = clock.now()
    timeline.begin(came)
    timeline.method = 0
    timeline.bytesIn = 100
    timeline.assign('web-1', came)
    timeline.send(came)
    server.sent(timeline.connect)
    const answered = clock.now()
    timeline.firstByte = answered
    timeline.status = 200
    timeline.bytesOut += 200
    timeline.ended = answered
    account.close(timeline, pool, server)
  }
  for (let count = 0; count < 200_000; count += 1) once()
  const rounds = Array.from({ length: 7 }, () => {
    const before = process.cpuUsage()
    for (let count = 0; count < 500_000; count += 1) once()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 500_000
  })
  return median(rounds)
}

/** The same of a line of the access log. */
function costOfLine(): number {
  const timeline = new Timeline()
  timeline.begin(openClock().now())
  const start =
    'GET /products/17?colour=red HTTP/1.1\r\nHost: shop.example\r\n' +
    'User-Agent: Mozilla/5.0 (X11)\r\n' +
    'Accept: text/html\r\nAccept-Encoding: gzip, br\r\nX-Forwarded-For: 10.0.0.9\r\n\r\n'
  const once = (): number =>
    accessLine({
      ...{ timeline, start, frontend: 'public', service: 'web', client: '10.0.0.9' },
      ...{ secure: false, alpn: '', query: false },
    }).length
  for (let count = 0; count < 100_000; count += 1) once()
  const rounds = Array.from({ length: 7 }, () => {
    const before = process.cpuUsage()
    for (let count = 0; count < 100_000; count += 1) once()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 100_000
  })
  return median(rounds)
}

async function alwaysOn({ folder, origins }: Place, logs: boolean): Promise<OpenProxy> {
  const [port = 0] = await freePorts(1)
  const name = logs ? 'logging' : 'silent'
  const file = join(folder, `${name}.yaml`)
  const front = {
    ...{ bind: `127.0.0.1:${port}`, to: 'web' },
    ...(logs ? { access_log: join(folder, 'access.log') } : {}),
  }
  const services = { web: { servers: origins.map((each) => `127.0.0.1:${each}`), check: 'tcp' } }
  writeFileSync(file, JSON.stringify({ name, edges: 1, services, frontends: { public: front } }))
  const cli = openCli(file, join(folder, name))
  await cli.say('up', '--detach')
  await answering('Always On', port, plain)
  const pids = (await cli.status()).edges.flatMap((edge) => treeOf(edge.pid))
  return { port, pids, [Symbol.asyncDispose]: () => cli.end() }
}

async function haproxy({ folder, origins }: Place, logs: boolean): Promise<OpenProxy> {
  const [port = 0] = await freePorts(1)
  const file = join(folder, `haproxy-${logs}.cfg`)
  const servers = origins.map((each, index) => ` server s${index} 127.0.0.1:${each}`)
  const log = logs ? ' log stdout format raw local0\n option httplog\n' : ''
  writeFileSync(
    file,
    `global\n nbthread 1\n maxconn 2000\ndefaults\n mode http\n option forwardfor\n${log}` +
      ' timeout connect 5s\n timeout client 60s\n timeout server 60s\n' +
      `frontend front\n bind 127.0.0.1:${port}\n default_backend servers\n` +
      `backend servers\n balance roundrobin\n${servers.join('\n')}\n`,
  )
  const server = start('haproxy', ['-db', '-f', file], { log: join(folder, `haproxy-${logs}.log`) })
  await answering('HAProxy', port, plain)
  return { port, pids: [server.pid], [Symbol.asyncDispose]: () => server.stop() }
}

const folder = mkdtempSync(join(tmpdir(), 'observing-'))
try {
  say(machineFacts())
  const hooks = costOfHooks()
  const line = costOfLine()
  await using stack = new AsyncDisposableStack()
  const place = stack.use(await startOrigin(folder, 'nginx'))
  const here = { ...place, folder }
  const proxies = {
    silent: stack.use(await alwaysOn(here, false)),
    logging: stack.use(await alwaysOn(here, true)),
    'HAProxy silent': stack.use(await haproxy(here, false)),
    'HAProxy logging': stack.use(await haproxy(here, true)),
  }
  const costs = new Map<string, number[]>(Object.keys(proxies).map((name) => [name, []]))
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const [name, proxy] of Object.entries(proxies)) {
      await wrk(proxy, 1, {})
      const { cost } = await wrk(proxy, Number(values.seconds), {})
      costs.get(name)?.push(cost)
    }
  }
  const cost = (name: keyof typeof proxies): number => median(costs.get(name) ?? [])
  for (const name of costs.keys()) {
    say(`${name.padEnd(16)} ${cost(name as keyof typeof proxies).toFixed(1)} µs a request`)
  }
  say(`hooks            ${hooks.toFixed(3)} µs a request`)
  say(`a line of JSON   ${line.toFixed(3)} µs a request`)
  say(`RATIO hooks_vs_request ${(hooks / cost('silent')).toFixed(4)}`)
  say(`RATIO log_vs_silent ${(cost('logging') / cost('silent')).toFixed(2)}`)
  say(`RATIO log_vs_haproxy_log ${(cost('logging') / cost('HAProxy logging')).toFixed(2)}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
