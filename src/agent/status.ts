// What is there and how is it? The world, as `status` shows it. Pure.

import type { EdgeSighting } from '../balancing/engine.ts'
import type { FrontendTraffic, TableServer } from '../balancing/model.ts'
import type { Decision } from '../control/rules.ts'
import type { DatabaseOverview } from '../databases/overview.ts'
import { type Instant, instant } from '../foundation/time.ts'
import type { ReplicaProcess, ServiceAction } from '../services/model.ts'
import { describeExit } from '../services/restart.ts'
import type { Frontend, Service } from '../spec/model.ts'
import { describeBalance } from '../spec/settle-balance.ts'
import { certificateStatus } from './certificates.ts'
import type {
  ClusterStatus,
  FrontendStatus,
  RecentAnswers,
  ServerStatus,
  ServiceStatus,
  Status,
} from './model.ts'
import { maintenanceOf, overruled } from './routes.ts'
import { describeWord, wordOn } from './said.ts'
import {
  isDrained,
  isDraining,
  replicaOf,
  replicasOf,
  serversOf,
  verdictOf,
  type World,
} from './world.ts'

/** Who tells the status. */
export interface Teller {
  readonly pid: number
  readonly version: string
  readonly since: Instant
  readonly now: Instant
  readonly decision: (service: string) => Decision<ServiceAction> | undefined
  readonly cluster?: ClusterStatus | undefined
  readonly databases?: readonly DatabaseOverview[]
  readonly recent?: (service: string) => RecentAnswers | undefined
}

/** The whole status. It shows what was written in the file, never what a reference stood for. */
export const statusOf = (world: World, teller: Teller): Status => ({
  name: world.spec.name,
  file: world.state.applied?.path ?? '',
  agent: { pid: teller.pid, version: teller.version, since: teller.since },
  now: teller.now,
  edges: world.edges
    .toSorted((a, b) => a.edge - b.edge)
    .map(({ edge, pid, state }) => ({ edge, pid, state })),
  services: [
    ...Object.values(world.spec.services).map((service) => serviceStatus(world, teller, service)),
    ...leaving(world).map((name) => leavingStatus(world, teller, name)),
  ],
  frontends: frontendsOf(world, teller.now),
  ...(teller.databases?.length ? { databases: teller.databases } : {}),
  ...(teller.cluster === undefined ? {} : { cluster: teller.cluster }),
})

function serviceStatus(world: World, teller: Teller, service: Service): ServiceStatus {
  const { name } = service
  const servers = serversOf(world, service).map((server) => serverStatus(world, name, server))
  const [own, backups] = upIn(world, service)
  // Backups take requests only where nobody else does.
  const up = own > 0 ? own : backups
  const closed = closedOf(world, 'services', service)
  const recent = teller.recent?.(name)
  const answers = recent === undefined ? {} : { recent }
  const common = { name, kind: service.kind, up, servers, ...closed, ...answers }
  if (service.kind === 'servers') {
    const wanted = service.servers.filter(({ backup }) => !backup).length
    const some = own > 0 ? 'some-down' : 'on-backups'
    const rule = own >= wanted ? 'steady' : up > 0 ? some : 'all-down'
    const why = {
      steady: 'every server passes its check',
      'on-backups': 'only backups are left: they take its requests',
      'some-down': 'the others take its requests',
      'all-down': 'no server passes its check: requests wait for the first that does',
    }[rule]
    return {
      ...common,
      wanted,
      rule,
      why,
      deploying: false,
      rolledBack: undefined,
      revision: undefined,
    }
  }
  return { ...common, wanted: service.replicas, ...decided(world, teller, name) }
}

/** How many of its own servers are up, and how many of its backups. */
function upIn(world: World, service: Service): readonly [own: number, backups: number] {
  const up = serversOf(world, service).filter(({ state }) => state === 'up')
  const backups = up.filter(({ backup }) => backup).length
  return [up.length - backups, backups]
}

/** What has been decided about a service whose replicas Always On runs. */
function decided(world: World, teller: Teller, name: string) {
  const state = world.state.services[name]?.state
  const decision = teller.decision(name)
  return {
    rule: decision?.rule ?? 'not-decided',
    why: decision?.why ?? 'the agent has just started',
    deploying: state?.deploy !== undefined,
    rolledBack: state?.rolledBack,
    revision: state?.revision,
  }
}

/** Services that the file no longer has, with replicas that have not ended. */
const leaving = (world: World): readonly string[] =>
  Object.keys(world.state.services).filter(
    (name) => world.spec.services[name] === undefined && replicasOf(world, name).length > 0,
  )

function leavingStatus(world: World, teller: Teller, name: string): ServiceStatus {
  const servers = replicasOf(world, name).map(({ id, host, port }) => {
    const limits = { weight: 0, backup: false, maxConnections: undefined }
    return serverStatus(world, name, { id, host, port, ...limits, state: 'draining' })
  })
  return { name, kind: 'run', up: 0, servers, wanted: 0, ...decided(world, teller, name) }
}

function saidOf({ state }: World, id: string): { readonly said?: string } {
  const said = describeWord(wordOn(state, id))
  return said === '' ? {} : { said }
}

function serverStatus(world: World, service: string, server: TableServer): ServerStatus {
  const replica = replicaOf(world, server.id)
  const health = world.health.get(server.id)
  const traffic = world.edges.flatMap((edge) => edge.report?.servers[server.id] ?? [])
  const sum = (of: 'active' | 'requests' | 'errors'): number =>
    traffic.reduce((total, each) => total + each[of], 0)
  return {
    id: server.id,
    address: `${server.host}:${server.port}`,
    routed: server.state,
    verdict: verdictOf(world, server.id),
    since: health?.since ?? replica?.startedAt ?? instant(0),
    reason: reasonOf(world, service, server, replica),
    drained: isDrained(world, server.id),
    ...saidOf(world, server.id),
    machine: machineOf(world, server.id),
    active: sum('active'),
    requests: sum('requests'),
    errors: sum('errors'),
    ejected: traffic.find(({ ejected }) => ejected !== undefined)?.ejected?.why,
    process: replica && {
      state: replica.state.kind,
      pid: replica.state.kind === 'running' ? replica.state.pid : undefined,
      revision: replica.revision,
      restarts: replica.restarts,
      startedAt: replica.startedAt,
    },
  }
}

/** The machine that runs a replica, where there are several. */
const machineOf = ({ cluster, replicas }: World, id: string): string | undefined =>
  cluster?.byId.get(id)?.machine ??
  (replicas.some((own) => own.id === id) ? cluster?.machine : undefined)

/** Why a server takes no requests, in words; empty when it does. */
function reasonOf(
  world: World,
  service: string,
  server: TableServer,
  replica: ReplicaProcess | undefined,
): string {
  if (server.state === 'up') return ''
  const state = replica?.state
  if (state?.kind === 'waiting') return `ended with ${describeExit(state.exit)}; started again soon`
  if (state?.kind === 'crash-looping') {
    return `ended ${replica?.failures} times in a row, last with ${describeExit(state.exit)}`
  }
  if (state !== undefined && state.kind !== 'running') return `its process is ${state.kind}`
  const health = world.health.get(server.id)
  const agent = health?.agent
  if (server.state === 'draining' && agent !== undefined && agent.takes !== 'ready') {
    return `its agent says ${agent.line}`
  }
  if (world.spec.services[service] === undefined) return 'has left the file, finishes what it has'
  if (isDraining(world, service, server.id)) return 'takes nothing new'
  if (agent?.says === 'down') return `its agent says ${agent.line}`
  const last = health?.last
  if (last?.kind === 'failed') return last.reason
  return last === undefined ? 'has not been asked yet' : 'has not passed often enough'
}

const noTraffic: FrontendTraffic = {
  connections: 0,
  requests: 0,
  answers: [0, 0, 0, 0, 0, 0],
  held: 0,
  heldTotal: 0,
  redispatched: 0,
  hedged: 0,
  bytesIn: 0,
  bytesOut: 0,
}

function frontendsOf(world: World, now: Instant): readonly FrontendStatus[] {
  return Object.values(world.spec.frontends).map((frontend) => ({
    name: frontend.name,
    mode: frontend.mode,
    balance: balanceOf(world, frontend),
    addresses: frontend.binds.map(({ host, port }) =>
      host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    ),
    routes: [
      ...frontend.routes,
      ...(frontend.to === undefined ? [] : [{ host: undefined, path: undefined, to: frontend.to }]),
    ],
    ...(frontend.accessLog === undefined
      ? {}
      : { accessLog: frontend.accessLog.toStdout ? 'stdout' : frontend.accessLog.path }),
    ...closedOf(world, 'frontends', frontend),
    ...(frontend.tls === undefined ? {} : { certificates: shownBy(world, frontend, now) }),
    ...(frontend.redirect === undefined
      ? {}
      : { redirect: `https at port ${frontend.redirect.port}` }),
    traffic: trafficOf(world.edges, frontend.name),
  }))
}

/** Said only while it holds. */
function closedOf(
  { state }: World,
  section: 'frontends' | 'services',
  thing: Frontend | Service,
): Pick<ServiceStatus, 'closed' | 'overruled'> {
  const word = overruled(state, section, thing)
  return {
    ...(maintenanceOf(state, section, thing).maintenance === undefined ? {} : { closed: true }),
    ...(word === undefined ? {} : { overruled: word }),
  }
}

const shownBy = ({ certificates }: World, { name }: Frontend, now: Instant) =>
  (certificates.get(name) ?? []).map((each) => certificateStatus(each, now))

/** How what no route matches is spread: a service may say it for itself. */
const balanceOf = ({ spec }: World, { to, balance }: Frontend): string =>
  describeBalance((to === undefined ? undefined : spec.services[to]?.balance) ?? balance)

/** The sum over all edges. */
function trafficOf(edges: readonly EdgeSighting[], frontend: string): FrontendTraffic {
  return edges.reduce((sum, edge) => {
    const more = edge.report?.frontends[frontend]
    if (more === undefined) return sum
    return {
      connections: sum.connections + more.connections,
      requests: sum.requests + more.requests,
      answers: sum.answers.map((count, digit) => count + (more.answers[digit] ?? 0)),
      held: sum.held + more.held,
      heldTotal: sum.heldTotal + more.heldTotal,
      redispatched: sum.redispatched + more.redispatched,
      hedged: sum.hedged + more.hedged,
      bytesIn: sum.bytesIn + more.bytesIn,
      bytesOut: sum.bytesOut + more.bytesOut,
    }
  }, noTraffic)
}
