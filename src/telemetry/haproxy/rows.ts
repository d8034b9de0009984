// What would HAProxy's `show stat` say? Each frontend, then each service with its servers; figures
// mean what they mean there (management guide, 9.1), in the same units. Pure.

import type { ServerMeters } from '../../balancing/meters/model.ts'
import { Histogram, type Spread } from '../../control/histogram.ts'
import { since } from '../../foundation/time.ts'
import type { FrontendScene, Scene, ServerScene, ServiceScene } from '../model.ts'
import { noPeak, type Peak } from '../model.ts'
import { answersOf, difference, perSecond, serverCounts } from '../sums.ts'
import { checkWords } from './checks.ts'

export type Row = Readonly<Record<string, string | number>>

/** `type` of a row; the bits of the mask of `show stat` are 1, 2 and 4. */
export const kinds = { frontend: 0, backend: 1, server: 2 } as const

/** All rows, in the order in which the file names things. Proxies count from 2, as HAProxy's do. */
export function rowsOf(scene: Scene): readonly Row[] {
  const frontends = scene.frontends.map((frontend, index) =>
    frontendRow(scene, frontend, index + 2),
  )
  const services = scene.services.flatMap((service, index) => {
    const iid = scene.frontends.length + index + 2
    const servers = service.servers.map((server, place) =>
      serverRow(scene, service, server, { iid, sid: place + 1 }),
    )
    return [...servers, backendRow(scene, service, iid)]
  })
  return [...frontends, ...services]
}

const zeros = (...names: readonly string[]): Row => Object.fromEntries(names.map((n) => [n, 0]))

const compression = zeros('comp_in', 'comp_out', 'comp_byp', 'comp_rsp')
const caches = zeros('cache_lookups', 'cache_hits')
const tls = zeros('ssl_sess', 'ssl_reused_sess', 'ssl_failed_handshake')
const muxes = zeros(
  ...['h2_headers_rcvd', 'h2_data_rcvd', 'h2_settings_rcvd', 'h2_rst_stream_rcvd'],
  ...['h2_goaway_rcvd', 'h2_detected_conn_protocol_errors', 'h2_detected_strm_protocol_errors'],
  ...['h2_rst_stream_resp', 'h2_goaway_resp', 'h2_open_connections', 'h2_backend_open_streams'],
  ...['h2_total_connections', 'h2_backend_total_streams', 'h1_open_connections'],
  ...['h1_open_streams', 'h1_total_connections', 'h1_total_streams', 'h1_bytes_in'],
  ...['h1_bytes_out', 'h1_spliced_bytes_in', 'h1_spliced_bytes_out'],
)

const classes = (answers: readonly number[]): Row => ({
  hrsp_1xx: answers[1] ?? 0,
  hrsp_2xx: answers[2] ?? 0,
  hrsp_3xx: answers[3] ?? 0,
  hrsp_4xx: answers[4] ?? 0,
  hrsp_5xx: answers[5] ?? 0,
  hrsp_other: answers[0] ?? 0,
})

function frontendRow(scene: Scene, frontend: FrontendScene, iid: number): Row {
  const { name, mode } = frontend
  const counts = scene.totals.frontends.get(name)
  const before = scene.before.totals.frontends.get(name)
  const peak = peakOf(scene, `frontend ${name}`)
  const rate = perSecond(scene, before?.accepted ?? 0, counts?.accepted ?? 0)
  const asked = perSecond(scene, before?.requests ?? 0, counts?.requests ?? 0)
  const bad = (counts?.endings['bad-request'] ?? 0) + (counts?.endings['client-slow'] ?? 0)
  return {
    ...{ pxname: name, svname: 'FRONTEND', pid: 1, iid, sid: 0, type: kinds.frontend, mode },
    scur: frontend.connections,
    smax: Math.max(peak.active, frontend.connections),
    slim: frontend.maxConnections,
    stot: counts?.accepted ?? 0,
    bin: counts?.bytesIn ?? 0,
    bout: counts?.bytesOut ?? 0,
    ...{ dreq: counts?.turnedAway ?? 0, dresp: 0, ereq: bad },
    status: 'OPEN',
    ...{ rate, rate_lim: 0, rate_max: Math.max(peak.rate, rate) },
    ...(mode === 'http' ? classes(counts?.answers ?? []) : {}),
    req_rate: asked,
    req_rate_max: Math.max(peak.asked, asked),
    req_tot: counts?.requests ?? 0,
    ...compression,
    ...{ conn_rate: rate, conn_rate_max: Math.max(peak.rate, rate) },
    ...{ conn_tot: counts?.accepted ?? 0, intercepted: 0 },
    ...{ dcon: counts?.turnedAway ?? 0, dses: 0, wrew: 0, eint: 0 },
    ...caches,
    ...tls,
    ...muxes,
  }
}

/** Figures of connections and times that servers and services share. */
function shared(
  scene: Scene,
  counts: ServerMeters,
  before: ServerMeters | undefined,
  held: Spread,
) {
  const requests = counts.requests
  const recent = (of: 'connect' | 'firstByte' | 'time'): number =>
    mean(difference(before?.[of], counts[of])) || mean(counts[of])
  const rate = perSecond(scene, before?.requests ?? 0, requests)
  return {
    stot: requests,
    bin: counts.bytesIn,
    bout: counts.bytesOut,
    ...{ dresp: 0, econ: counts.refused, eresp: counts.reset + counts.timedOut },
    ...{ wretr: 0, wredis: counts.redispatched, lbtot: requests, rate },
    ...{ cli_abrt: counts.clientAborts, srv_abrt: counts.reset },
    qtime: Math.round(requests === 0 ? 0 : held.sum / requests),
    ctime: Math.round(recent('connect')),
    rtime: Math.round(recent('firstByte')),
    ttime: Math.round(recent('time')),
    qtime_max: most(held),
    ctime_max: most(counts.connect),
    rtime_max: most(counts.firstByte),
    ttime_max: most(counts.time),
    ...{ wrew: 0, eint: 0, req_tot: requests },
    ...{ connect: total(counts.connect), reuse: counts.reused },
  }
}

const nothing: Spread = { sum: 0, counts: [] }
const total = (spread: Spread): number => new Histogram().merge(spread).count
const mean = (spread: Spread): number => (total(spread) === 0 ? 0 : spread.sum / total(spread))
const most = (spread: Spread): number => Math.round(new Histogram().merge(spread).quantile(1) ?? 0)

const peakOf = (scene: Scene, name: string): Peak => scene.peaks.get(name) ?? noPeak
const seconds = (length: number): number => Math.floor(length / 1000)

function serverRow(
  scene: Scene,
  service: ServiceScene,
  server: ServerScene,
  { iid, sid }: { readonly iid: number; readonly sid: number },
): Row {
  const counts = serverCounts(scene.totals, server.id)
  const before = scene.before.totals.servers.get(server.id)
  const peak = peakOf(scene, `server ${server.id}`)
  const common = shared(scene, counts, before, nothing)
  return {
    ...{ pxname: service.name, svname: server.id, pid: 1, iid, sid, type: kinds.server },
    ...{ mode: modeOf(scene, service), addr: addressOf(server) },
    ...{ qcur: 0, qmax: 0, scur: server.active, smax: Math.max(peak.active, server.active) },
    ...(server.maxConnections === undefined ? {} : { slim: server.maxConnections }),
    ...common,
    rate_max: Math.max(peak.rate, common.rate),
    status: statusOf(server),
    weight: server.told === 'maint' ? 0 : server.weight,
    ...{ act: server.backup ? 0 : 1, bck: server.backup ? 1 : 0 },
    ...{ chkfail: peak.failedChecks, chkdown: peak.downs },
    lastchg: seconds(since(server.since, scene.now)),
    downtime: seconds(peak.downFor),
    ...(modeOf(scene, service) === 'http' ? classes(counts.answers) : {}),
    lastsess: peak.lastAt === undefined ? -1 : seconds(since(peak.lastAt, scene.now)),
    ...checkWords(server),
    ...zeros('srv_icur', 'idle_conn_cur', 'safe_conn_cur'),
    ...{ used_conn_cur: server.active, need_conn_est: Math.max(1, server.active) },
    uweight: server.weight,
    ...tls,
  }
}

function backendRow(scene: Scene, service: ServiceScene, iid: number): Row {
  const { name, servers } = service
  const counts = servers.map(({ id }) => serverCounts(scene.totals, id)).reduce(added, noCounts)
  const old = servers.flatMap(({ id }) => scene.before.totals.servers.get(id) ?? [])
  const peak = peakOf(scene, `service ${name}`)
  const held = scene.totals.services.get(name)?.held ?? nothing
  const common = shared(scene, counts, old.reduce(added, noCounts), held)
  const up = servers.filter(({ routed }) => routed === 'up')
  const active = servers.reduce((sum, server) => sum + server.active, 0)
  const weight = (up.filter(({ backup }) => !backup).length > 0 ? up.filter((s) => !s.backup) : up)
    .map((server) => server.weight)
    .reduce((sum, each) => sum + each, 0)
  const answers = answersOf(scene.totals, name)
  const last = servers.flatMap(({ id }) => peakOf(scene, `server ${id}`).lastAt ?? [])
  const lastAt = last.toSorted((a, b) => b - a)[0]
  const changed = servers.map((server) => server.since).toSorted((a, b) => b - a)[0]
  return {
    ...{ pxname: name, svname: 'BACKEND', pid: 1, iid, sid: 0, type: kinds.backend },
    ...{ mode: modeOf(scene, service), algo: service.balance },
    ...{ qcur: service.waiting, qmax: Math.max(peak.waiting, service.waiting) },
    ...{ scur: active, smax: Math.max(peak.active, active), slim: service.holdMost },
    ...common,
    rate_max: Math.max(peak.rate, common.rate),
    dreq: 0,
    status: up.length === 0 ? 'DOWN' : whole(up.length, servers.length),
    ...{ weight, uweight: weight },
    act: up.filter(({ backup }) => !backup).length,
    bck: up.filter(({ backup }) => backup).length,
    chkdown: peak.downs,
    lastchg: changed === undefined ? 0 : seconds(since(changed, scene.now)),
    downtime: seconds(peak.downFor),
    ...(modeOf(scene, service) === 'http' ? classes(answers) : {}),
    lastsess: lastAt === undefined ? -1 : seconds(since(lastAt, scene.now)),
    ...zeros('agg_server_status', 'agg_server_check_status', 'agg_check_status'),
    ...compression,
    ...caches,
    ...tls,
    ...muxes,
  }
}

const whole = (up: number, all: number): string => (up === all ? 'UP' : `UP (${up}/${all})`)

const noCounts = serverCounts({ servers: new Map() }, '')

function added(a: ServerMeters, b: ServerMeters): ServerMeters {
  const sum = (of: 'connect' | 'firstByte' | 'time'): Spread =>
    new Histogram().merge(a[of]).merge(b[of]).spread
  return {
    service: b.service,
    requests: a.requests + b.requests,
    refused: a.refused + b.refused,
    reset: a.reset + b.reset,
    timedOut: a.timedOut + b.timedOut,
    errors: a.errors + b.errors,
    answers: b.answers.map((count, digit) => count + (a.answers[digit] ?? 0)),
    bytesIn: a.bytesIn + b.bytesIn,
    bytesOut: a.bytesOut + b.bytesOut,
    redispatched: a.redispatched + b.redispatched,
    clientAborts: a.clientAborts + b.clientAborts,
    reused: a.reused + b.reused,
    connect: sum('connect'),
    firstByte: sum('firstByte'),
    time: sum('time'),
  }
}

const modeOf = (scene: Scene, service: ServiceScene): string =>
  scene.frontends.find(({ services }) => services.includes(service.name))?.mode ?? 'http'

const addressOf = ({ host, port }: ServerScene): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/** The state as HAProxy words it: `UP`, `UP 1/2` while in doubt, `DOWN`, `DRAIN`, `MAINT`. */
export function statusOf(server: ServerScene): string {
  const { told, verdict, check, routed } = server
  if (told === 'maint') return 'MAINT'
  if (verdict !== 'up') {
    return check !== undefined && check.passes > 0 ? `DOWN ${check.passes}/${check.rise}` : 'DOWN'
  }
  if (routed === 'draining') return 'DRAIN'
  if (check === undefined) return 'no check'
  return check.failures > 0 ? `UP ${check.fall - check.failures}/${check.fall}` : 'UP'
}
