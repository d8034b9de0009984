// What is different between two specs, in sentences? No value from the environment is shown. Pure.

import type { LimitedBy } from '../balancing/limits/model.ts'
import type { HedgeRule } from '../balancing/model.ts'
import type { AcmeWish, CertificateFiles } from '../certificates/model.ts'
import type { CoordinationPlan, Machine } from '../coordination/model.ts'
import type { Check } from '../health/model.ts'
import { diffDatabase } from './diff-databases.ts'
import {
  diffTexts,
  pairs,
  type Row,
  type Speaker,
  showAddress,
  speaker,
  time,
  withUntold,
} from './diff-rows.ts'
import type {
  AccessLog,
  Difference,
  Frontend,
  RunService,
  Server,
  ServersService,
  Service,
  Spec,
} from './model.ts'
import { describeBalance } from './settle-balance.ts'

/** Everything that differs; `before` is undefined where nothing was wanted yet. */
export function diff(before: Spec | undefined, after: Spec): readonly Difference[] {
  const say = speaker(before, after)
  const services = pairs(before?.services, after.services)
  const frontends = pairs(before?.frontends, after.frontends)
  return [
    ...(before === undefined
      ? []
      : withUntold('', topOf(before), topOf(after), (was, is) => say.rows('', was, is, specRows))),
    ...services.flatMap(({ name, was, is }) => diffService(name, was, is, say)),
    ...frontends.flatMap(({ name, was, is }) => diffFrontend(name, was, is, say)),
    ...pairs(before?.databases, after.databases).flatMap(({ name, was, is }) =>
      diffDatabase(name, was, is, say),
    ),
  ]
}

/** What is told of the file itself; the rest is told thing by thing. */
type Top = Omit<Spec, 'services' | 'frontends' | 'databases' | 'written'>

function topOf(spec: Spec): Top {
  const { services: _s, frontends: _f, databases: _d, written: _w, ...top } = spec
  return top
}

const specRows: readonly Row<Top>[] = [
  { key: 'name', show: (s) => s.name },
  { key: 'edges', show: (s) => String(s.edges) },
  { key: 'metrics', show: (s) => s.metrics && showAddress(s.metrics.host, s.metrics.port) },
  {
    key: 'stats_socket',
    show: (s) => s.statsSocket && `${s.statsSocket.path} ${s.statsSocket.mode.toString(8)}`,
  },
  { key: 'machines', show: (s) => Object.values(s.machines).map(showMachine).join(', ') },
  { key: 'coordination', show: (s) => showCoordination(s.coordination) },
]

const showMachine = ({ name, address, zone, capacity = 1 }: Machine): string =>
  `${name} ${address}${zone === undefined ? '' : ` in ${zone}`}` +
  `${capacity === 1 ? '' : ` of capacity ${capacity}`}`

/** What the machines agree through, on one line. */
function showCoordination(plan: CoordinationPlan): string {
  switch (plan.kind) {
    case 'embedded':
      return 'embedded'
    case 'zookeeper': {
      const servers = plan.servers.map(({ host, port }) => showAddress(host, port))
      const how = plan.tls === undefined ? '' : ` over TLS ${JSON.stringify(plan.tls)}`
      return `${servers.join(',')}${plan.chroot}${how}, session ${time(plan.session)}`
    }
    case 'managed': {
      const { members, ports, home = 'the package', data = 'the state', heapBytes } = plan
      const { client, peer, election } = ports
      return (
        `Apache ZooKeeper on ${members.map((one) => one.name).join(', ')} at ${plan.chroot}, ` +
        `session ${time(plan.session)}, ports ${client} ${peer} ${election}, from ${home}, ` +
        `in ${data}, heap ${heapBytes}`
      )
    }
  }
}

const optional = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : String(value)

/** What a check asks; how often is told apart. */
function asks(check: Check): string {
  if (check.kind === 'grpc') return `grpc ${check.service}`.trim()
  return check.kind === 'http' ? `${check.method} ${check.path}` : check.kind
}

const showExpect = (check: Check): string | undefined =>
  check.kind === 'http'
    ? check.expect.map((e) => (e[0] === e[1] ? e[0] : e.join('-'))).join(',')
    : undefined

const timing = (
  key: 'every' | 'fast' | 'timeout' | 'fall' | 'rise',
  check: Check,
): string | undefined => {
  if (check.kind === 'none') return undefined
  return key === 'fall' || key === 'rise' ? String(check[key]) : time(check[key])
}

/** The parts of a body check that are asked for; the file shows them. */
const showBody = (check: Check): string | undefined => {
  if (check.kind !== 'http' || check.body === undefined) return undefined
  const parts = Object.entries(check.body).filter(([, text]) => text !== undefined)
  return parts.map(([how, text]) => `${how} ${text}`).join(', ')
}

const showAgent = (check: Check): string | undefined => {
  if (check.kind === 'none' || check.agent === undefined) return undefined
  const { host, port, every, timeout, send } = check.agent
  const at = host === undefined ? `${port}` : showAddress(host, port)
  const sends = send === '' ? '' : `, sends ${send}`
  return `${at} every ${time(every)}, within ${time(timeout)}${sends}`
}

const checkRows: readonly Row<{ readonly check: Check }>[] = [
  { key: 'check.host', show: ({ check }) => (check.kind === 'http' ? check.host : undefined) },
  { key: 'check.expect', show: ({ check }) => showExpect(check) },
  { key: 'check.body', show: ({ check }) => showBody(check) },
  {
    key: 'check.port',
    show: ({ check }) => (check.kind === 'none' ? undefined : optional(check.port)),
  },
  { key: 'check.agent', show: ({ check }) => showAgent(check) },
  ...(['every', 'fast', 'timeout', 'fall', 'rise'] as const).map((key) => ({
    key: `check.${key}`,
    show: ({ check }: { readonly check: Check }) => timing(key, check),
  })),
]

const commonRows: readonly Row<Service>[] = [
  { key: 'check', show: (s) => asks(s.check) },
  { key: 'balance', show: (s) => s.balance && describeBalance(s.balance) },
  { key: 'protocol', show: (s) => s.protocol ?? 'http' },
  { key: 'maintenance', show: (s) => showMaintenance(s.maintenance) },
  { key: 'sticky', show: (s) => s.sticky && JSON.stringify(s.sticky) },
  { key: 'maintenance.page', show: (s) => s.maintenance?.page, isHidden: true },
  { key: 'tls', show: (s) => s.tls && JSON.stringify({ ...s.tls, trust: undefined }) },
  { key: 'tls.ca', show: (s) => s.tls?.trust, isHidden: true },
  { key: 'send_proxy', show: (s) => s.sendProxy },
  { key: 'slow_start', show: (s) => s.slowStart && time(s.slowStart) },
  { key: 'hold.wait', show: (s) => time(s.hold.wait) },
  { key: 'hold.requests', show: (s) => String(s.hold.requests) },
  { key: 'hold.memory', show: (s) => String(s.hold.bytes) },
  { key: 'timeouts.connect', show: (s) => time(s.connectTimeout) },
  { key: 'timeouts.response', show: (s) => time(s.responseTimeout) },
  { key: 'kept_bodies.each', show: (s) => String(s.keptBodies.each) },
  { key: 'kept_bodies.memory', show: (s) => String(s.keptBodies.bytes) },
  { key: 'hedge', show: ({ hedge }) => showHedge(hedge) },
  { key: 'max_connections', show: (s) => optional(s.maxConnections) },
]

const showLimits = (limits: readonly LimitedBy[]): string | undefined =>
  limits.length === 0 ? undefined : JSON.stringify(limits)

const showHedge = (hedge: HedgeRule | undefined): string => {
  if (hedge === undefined) return 'off'
  const { after, share, unsafe } = hedge
  const when = after === undefined ? 'learned' : `after ${time(after)}`
  return `${when}, ${share * 100} % of ${unsafe ? 'idempotent' : 'safe'} requests`
}

/** Words as a shell would take them: where one ends is seen. */
const showWords = (words: readonly string[]): string =>
  words
    .map((word) => (/^[\w@%+=:,./${}-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ')

const runRows: readonly Row<RunService>[] = [
  { key: 'run', show: (s) => showWords(s.argv) },
  { key: 'cwd', show: (s) => s.cwd },
  { key: 'replicas', show: (s) => String(s.replicas) },
  { key: 'on', show: (s) => s.on?.join(', ') },
  { key: 'ready', show: (s) => time(s.readyWithin) },
  { key: 'drain', show: (s) => time(s.drainWithin) },
  { key: 'stop.signal', show: (s) => s.stopSignal },
  { key: 'stop.within', show: (s) => time(s.stopWithin) },
  { key: 'restart.first', show: (s) => time(s.restart.backoff.first) },
  { key: 'restart.factor', show: (s) => String(s.restart.backoff.factor) },
  { key: 'restart.most', show: (s) => time(s.restart.backoff.most) },
  { key: 'restart.jitter', show: (s) => String(s.restart.backoff.jitter) },
  { key: 'restart.well_after', show: (s) => time(s.restart.wellAfter) },
  { key: 'restart.loop_after', show: (s) => String(s.restart.loopAfter) },
  { key: 'logs.size', show: (s) => String(s.logs.size) },
  { key: 'logs.keep', show: (s) => String(s.logs.keep) },
]

const frontendRows: readonly Row<Frontend>[] = [
  { key: 'mode', show: (f) => f.mode },
  { key: 'bind', show: (f) => f.binds.map(({ host, port }) => showAddress(host, port)).join(', ') },
  { key: 'balance', show: (f) => describeBalance(f.balance) },
  { key: 'to', show: (f) => f.to },
  {
    key: 'routes',
    show: (f) => f.routes.map(showRoute).join(', '),
  },
  {
    key: 'rules',
    show: (f) => f.rules && JSON.stringify(f.rules),
    from: ['request_headers', 'response_headers', 'max_body'],
  },
  { key: 'maintenance', show: (f) => showMaintenance(f.maintenance) },
  { key: 'maintenance.page', show: (f) => f.maintenance?.page, isHidden: true },
  {
    key: 'limits',
    show: ({ limits = [], concurrency = [] }) => showLimits([...limits, ...concurrency]),
  },
  { key: 'accept_proxy', show: (f) => f.acceptProxy?.join(', ') },
  { key: 'timeouts.idle', show: (f) => time(f.idleTimeout) },
  { key: 'timeouts.head', show: (f) => time(f.headTimeout) },
  { key: 'timeouts.tunnel', show: (f) => time(f.tunnelTimeout) },
  { key: 'timeouts.half_closed', show: (f) => time(f.halfClosedTimeout) },
  { key: 'timeouts.request', show: (f) => f.pace?.request && time(f.pace.request) },
  {
    key: 'timeouts.slow',
    show: (f) => f.pace?.slow && `${f.pace.slow.below} bytes/s for ${time(f.pace.slow.for)}`,
  },
  { key: 'max_connections', show: (f) => String(f.maxConnections) },
  { key: 'tls', show: (f) => (f.tls === undefined ? undefined : 'on') },
  {
    key: 'tls.certificates',
    show: (f) => f.tls?.certificates.map(showPair).join(', '),
  },
  {
    key: 'tls.acme',
    show: (f) => f.tls?.acme && showAcme(f.tls.acme),
    from: ['tls.acme', 'routes'],
  },
  { key: 'tls.acme.ca', show: (f) => f.tls?.acme?.trust, isHidden: true },
  {
    key: 'redirect',
    show: ({ redirect }) => redirect && `https at port ${redirect.port} by ${redirect.status}`,
  },
  { key: 'tls.min_version', show: (f) => f.tls?.oldest },
  { key: 'tls.alpn', show: (f) => f.tls?.protocols.join(', ') },
  {
    key: 'forwarded',
    show: (f) => f.telling && JSON.stringify(f.telling),
    from: ['forwarded', 'tracing'],
  },
  { key: 'access_log', show: (f) => f.accessLog && showLog(f.accessLog) },
]

/** Paths are no secrets; what stands in these files is not read here. */
const showPair = ({ certificate, key }: CertificateFiles): string =>
  key === certificate ? certificate : `${certificate} with ${key}`

const showAcme = ({ names, directory, challenge, email }: AcmeWish): string =>
  `${names.join(', ')} by ${directory}, ${challenge}${email === undefined ? '' : `, for ${email}`}`

const showLog = ({ path, toStdout, only, sample, query, size, keep }: AccessLog): string =>
  `${only} to ${toStdout ? 'stdout' : path}, sample ${sample}, ${query ? 'with' : 'without'} ` +
  `query, ${size} bytes, keep ${keep}`

function showRoute({ host = '', path = '', to, rules }: Frontend['routes'][number]): string {
  const target = to === undefined ? '' : ` to ${to}`
  return `${host}${path}${target}${rules === undefined ? '' : ` ${JSON.stringify(rules)}`}`
}

const showMaintenance = (said: Frontend['maintenance']): string | undefined =>
  said && `${said.on ? 'on' : 'off'}, ${said.retryAfterSeconds}s, ${said.allow.join(' ')}`

function diffService(
  name: string,
  was: Service | undefined,
  is: Service | undefined,
  say: Speaker,
): readonly Difference[] {
  const path = `services.${name}`
  if (was === undefined && is !== undefined) {
    return [{ path, kind: 'added', sentence: `service ${name} is new: ${summary(is)}` }]
  }
  if (was === undefined) return []
  if (is === undefined) return [{ path, kind: 'removed', sentence: `service ${name} is gone` }]
  if (was.kind === 'run' && is.kind === 'run') {
    return withUntold(path, was, is, (old, now) => [
      ...say.rows(path, old, now, runRows),
      ...diffEnv(path, old, now),
      ...diffCommon(path, old, now, say),
    ])
  }
  if (was.kind === 'servers' && is.kind === 'servers') {
    return withUntold(path, was, is, (old, now) => [
      ...diffServers(path, old, now),
      ...diffCommon(path, old, now, say),
    ])
  }
  const sentence = `service ${name} changes its kind: ${summary(is)}`
  return [{ path, kind: 'changed', sentence }]
}

/** Which values are secret is told where nothing else of them is. */
function diffEnv(path: string, was: RunService, is: RunService): readonly Difference[] {
  const texts = diffTexts(`${path}.env`, `env`, `of ${is.name}`, was.env, is.env)
  if (texts.length > 0 || was.secrets.join('\0') === is.secrets.join('\0')) return texts
  const sentence = `which values in env of ${is.name} are secret changed`
  return [{ path: `${path}.env`, kind: 'changed', sentence }]
}

const diffCommon = (
  path: string,
  was: Service,
  is: Service,
  say: Speaker,
): readonly Difference[] => [
  ...say.rows<Service>(path, was, is, commonRows),
  ...(was.check.kind === is.check.kind ? say.rows(path, was, is, checkRows) : []),
  ...diffTexts(
    `${path}.check.headers`,
    'header',
    `of the check of ${is.name}`,
    headersOf(was.check),
    headersOf(is.check),
  ),
]

const headersOf = (check: Check): Readonly<Record<string, string>> =>
  (check.kind === 'http' ? check.headers : undefined) ?? {}

function summary(service: Service): string {
  if (service.kind === 'run') return `${service.replicas} replicas that Always On runs`
  const { length } = service.servers
  return `${length} ${length === 1 ? 'server' : 'servers'} that something else runs`
}

function diffServers(path: string, was: ServersService, is: ServersService): readonly Difference[] {
  const byId = (service: ServersService): Readonly<Record<string, Server>> =>
    Object.fromEntries(service.servers.map((server) => [server.id, server]))
  return pairs(byId(was), byId(is)).flatMap(
    ({ name, was: old, is: now }): readonly Difference[] => {
      const at = `${path}.servers`
      if (old === undefined) return [{ path: at, kind: 'added', sentence: `server ${name} is new` }]
      if (now === undefined)
        return [{ path: at, kind: 'removed', sentence: `server ${name} is gone` }]
      const changed = serverRows.filter(({ show }) => show(old) !== show(now)).map(({ key }) => key)
      if (changed.length === 0) return []
      const sentence = `server ${name}: ${changed.join(', ')} changed`
      return [{ path: at, kind: 'changed', sentence }]
    },
  )
}

const serverRows: readonly Row<Server>[] = [
  { key: 'address', show: (s) => showAddress(s.host, s.port) },
  { key: 'weight', show: (s) => String(s.weight) },
  { key: 'backup', show: (s) => String(s.backup) },
  { key: 'check', show: (s) => JSON.stringify(s.check) },
  { key: 'max_connections', show: (s) => optional(s.maxConnections) },
]

function diffFrontend(
  name: string,
  was: Frontend | undefined,
  is: Frontend | undefined,
  say: Speaker,
): readonly Difference[] {
  const path = `frontends.${name}`
  if (was === undefined && is !== undefined) {
    return [{ path, kind: 'added', sentence: `frontend ${name} is new` }]
  }
  if (was === undefined) return []
  if (is === undefined) return [{ path, kind: 'removed', sentence: `frontend ${name} is gone` }]
  return withUntold(path, was, is, (old, now) => [
    ...say.rows(path, old, now, frontendRows),
    ...diffTexts(`${path}.error_pages`, 'error page', `of ${name}`, old.errorPages, now.errorPages),
  ])
}
