// What does a service come to, once its short forms are written out and its defaults are in?

import { dirname, resolve as resolvePath } from 'node:path'
import type { HedgeRule } from '../balancing/model.ts'
import type { Milliseconds } from '../foundation/time.ts'
import { defaults } from './defaults.ts'
import type { RunService, Server, ServersService, Service } from './model.ts'
import type { RawService } from './schema.ts'
import { settleBalance } from './settle-balance.ts'
import { durationOf, settleCheck, sizeOf } from './settle-check.ts'
import { readPage } from './settle-frontend.ts'
import { settleMaintenance } from './settle-route.ts'
import { settleServerTls } from './settle-server-tls.ts'
import { settleSticky } from './settle-sticky.ts'
import { splitRun } from './shell.ts'
import type { Loose, Site } from './site.ts'
import type { Path } from './tree.ts'
import { readAddress } from './values.ts'

type RawRun = Extract<RawService, { run: unknown }>
type RawServers = Extract<RawService, { servers: unknown }>

/** The service as the other rooms want it; stand-ins for what was faulty. */
export function settleService(name: string, raw: Loose<RawService>, site: Site): Service {
  const path = ['services', name]
  return 'servers' in raw && !('run' in raw)
    ? settleServers(name, raw as Loose<RawServers>, path, site)
    : settleRun(name, raw as Loose<RawRun>, path, site)
}

function settleCommon(name: string, raw: Loose<RawService>, path: Path, site: Site) {
  refuseProxyOverHttp2(raw, path, site)
  const hold = typeof raw.hold === 'string' ? { wait: raw.hold } : (raw.hold ?? {})
  return {
    name,
    check: settleCheck(raw.check, [...path, 'check'], site),
    balance: settleBalance(raw.balance, [...path, 'balance'], site),
    hold: {
      wait: durationOf(hold.wait, defaults.hold.wait),
      requests: hold.requests ?? defaults.hold.requests,
      bytes: sizeOf(hold.memory, defaults.hold.memory),
    },
    connectTimeout: durationOf(raw.timeouts?.connect, defaults.serviceTimeouts.connect),
    responseTimeout: durationOf(raw.timeouts?.response, defaults.serviceTimeouts.response),
    ...slowStartOf(raw.slow_start),
    ...settleSticky(raw.sticky),
    ...(raw.protocol === 'http2' ? { protocol: raw.protocol } : {}),
    ...settleMaintenance(raw.maintenance, (file) =>
      readPage(file, [...path, 'maintenance', 'page'], site),
    ),
    ...settleServerTls(raw, path, site),
    ...(raw.send_proxy === undefined ? {} : { sendProxy: raw.send_proxy }),
    keptBodies: {
      each: sizeOf(raw.kept_bodies?.each, defaults.keptBodies.each),
      bytes: sizeOf(raw.kept_bodies?.memory, defaults.keptBodies.memory),
    },
    hedge: settleHedge(raw.hedge ?? defaults.hedge.mode),
    maxConnections: raw.max_connections,
  }
}

/** A PROXY header speaks for one client, and its connection would be shared by many. */
function refuseProxyOverHttp2(raw: Loose<RawService>, path: Path, site: Site): void {
  if (raw.protocol !== 'http2' || raw.send_proxy === undefined) return
  site.fault(
    [...path, 'send_proxy'],
    '`send_proxy` cannot stand beside `protocol: http2`: many clients share a connection',
    'leave one of the two out; `X-Forwarded-For` names the client of each request',
    { at: 'key' },
  )
}

function slowStartOf(raw: string | undefined): { readonly slowStart?: Milliseconds } {
  const slowStart = durationOf(raw, defaults.slowStart)
  return slowStart > 0 ? { slowStart } : {}
}

function settleHedge(raw: NonNullable<Loose<RawService>['hedge']>): HedgeRule | undefined {
  if (raw === 'off') return undefined
  const long = raw === 'auto' ? {} : raw
  return {
    after: long.after === undefined ? undefined : durationOf(long.after, long.after),
    share: long.share ?? defaults.hedge.share,
    unsafe: (long.methods ?? defaults.hedge.methods) === 'idempotent',
  }
}

function settleRun(name: string, raw: Loose<RawRun>, path: Path, site: Site): RunService {
  const underEnv = [...path, 'env'].join('\0')
  const env = Object.entries(raw.env ?? {}).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, String(value)] as const],
  )
  const secrets = site.envUses
    .filter((use) => use.path.join('\0').startsWith(`${underEnv}\0`) && use.value !== '')
    .map((use) => use.value)
  return {
    kind: 'run',
    ...settleCommon(name, raw, path, site),
    argv: settleArgv(raw.run, [...path, 'run'], site),
    cwd: resolvePath(dirname(site.file), raw.cwd ?? '.'),
    replicas: raw.replicas ?? defaults.replicas,
    ...settleMachines(raw.on),
    env: Object.fromEntries(env),
    secrets: [...new Set(secrets)],
    stopSignal: raw.stop?.signal ?? defaults.stop.signal,
    stopWithin: durationOf(raw.stop?.within, defaults.stop.within),
    readyWithin: durationOf(raw.ready, defaults.ready),
    drainWithin: durationOf(raw.drain, defaults.drain),
    restart: settleRestart(raw.restart ?? {}, [...path, 'restart'], site),
    logs: {
      size: sizeOf(raw.logs?.size, defaults.logs.size),
      keep: raw.logs?.keep ?? defaults.logs.keep,
    },
  }
}

/** The machines that may run it: one is a list of one. */
function settleMachines(on: Loose<RawRun>['on']): Pick<RunService, 'on'> {
  if (on === undefined) return {}
  const names = typeof on === 'string' ? [on] : on.flatMap((one) => one ?? [])
  return { on: [...new Set(names)] }
}

function settleArgv(raw: Loose<RawRun>['run'], path: Path, site: Site): readonly string[] {
  if (raw === undefined) return []
  if (typeof raw !== 'string') {
    const argv = raw.flatMap((word) => (word === undefined ? [] : [String(word)]))
    if (argv.length === raw.length && argv[0] === '') {
      site.fault([...path, 0], 'the program to run is empty', 'name it, such as `node`')
    }
    return argv
  }
  const line = splitRun(raw)
  if (line.kind === 'unclosed') {
    const what = line.quote === '\\' ? 'the backslash at its end' : `the quote ${line.quote}`
    site.fault(
      path,
      `this command does not end: ${what} is not closed`,
      'close it, or write a list',
    )
    return []
  }
  if (line.argv.length === 0 || line.argv[0] === '') {
    site.fault(path, 'there is no command here', 'name a program, such as `node server.js`')
  }
  return line.argv
}

function settleRestart(
  raw: NonNullable<Loose<RawRun>['restart']>,
  path: Path,
  site: Site,
): RunService['restart'] {
  const first = durationOf(raw.first, defaults.restart.first)
  const most = durationOf(raw.most, defaults.restart.most)
  if (first > most) {
    const at = [...path, raw.most === undefined ? 'first' : 'most']
    site.fault(at, 'the longest wait between restarts is shorter than the first')
  }
  return {
    backoff: {
      first,
      factor: raw.factor ?? defaults.restart.factor,
      most,
      jitter: raw.jitter ?? defaults.restart.jitter,
    },
    wellAfter: durationOf(raw.well_after, defaults.restart.well_after),
    loopAfter: raw.loop_after ?? defaults.restart.loop_after,
  }
}

function settleServers(
  name: string,
  raw: Loose<RawServers>,
  path: Path,
  site: Site,
): ServersService {
  const common = settleCommon(name, raw, path, site)
  const servers = (raw.servers ?? []).flatMap((one, index): readonly Server[] => {
    if (one === undefined) return []
    const at = [...path, 'servers', index]
    const long = typeof one === 'string' ? { at: one } : one
    const address = readAddress(long.at ?? '')
    if (!address.ok) return []
    return [
      {
        id: long.name ?? `${name}-${index + 1}`,
        ...address.value,
        weight: long.weight ?? defaults.server.weight,
        backup: long.backup ?? defaults.server.backup,
        maxConnections: long.max_connections ?? common.maxConnections,
        check:
          long.check === undefined ? common.check : settleCheck(long.check, [...at, 'check'], site),
      },
    ]
  })
  return { kind: 'servers', ...common, servers }
}
