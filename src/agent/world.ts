// Everything the agent has seen, side by side, and the questions it asks of it. Pure.

import type { EdgeSighting } from '../balancing/engine.ts'
import type { ServerState, Table, TableLog, TableServer } from '../balancing/model.ts'
import type { CertificateSighting } from '../certificates/model.ts'
import type { DatabaseView } from '../databases/model.ts'
import { type Instant, instant } from '../foundation/time.ts'
import type { Health, ServerTls, Target, Verdict } from '../health/model.ts'
import type { ReplicaProcess, ReplicaSighting } from '../services/model.ts'
import { describeExit } from '../services/restart.ts'
import type { AccessLog, Frontend, Service, Spec } from '../spec/model.ts'
import { checkFor } from '../spec/replica-words.ts'
import { tableTls } from './certificates.ts'
import { databaseRows } from './database-table.ts'
import type { AgentState } from './model.ts'
import { type ClusterSight, inFlightElsewhere, isOfInterest, othersOf } from './remote.ts'
import { maintenanceOf, rowsOf, stickyOf } from './routes.ts'
import { withWord, wordOn } from './said.ts'

/** What was seen at one moment, beside what is wanted. */
export interface World {
  readonly spec: Spec
  readonly state: AgentState
  readonly replicas: readonly ReplicaProcess[]
  readonly health: ReadonlyMap<string, Health>
  readonly edges: readonly EdgeSighting[]
  /** By frontend; the first one is for names that none bears. */
  readonly certificates: ReadonlyMap<string, readonly CertificateSighting[]>
  /** Servers that the last agent knew to be up and this one has not asked yet, as `beliefOf`. */
  readonly believed: ReadonlySet<string>
  /** The last table that was handed to the balancer. */
  readonly table: Table | undefined
  /** What is known of other machines; undefined where this one is alone. */
  readonly cluster?: ClusterSight | undefined
  readonly databases?: readonly DatabaseView[] | undefined
  /** When all of this was seen. */
  readonly now?: Instant
}

/** The replicas of one service. */
export const replicasOf = (world: World, service: string): readonly ReplicaProcess[] =>
  orderOf(world.replicas).ofService.get(service) ?? []

/** The replica of this id. */
export const replicaOf = (world: World, id: string): ReplicaProcess | undefined =>
  orderOf(world.replicas).byId.get(id)

/** The same replicas, to be found without looking at all of them: there may be thousands. */
interface Order {
  readonly byId: ReadonlyMap<string, ReplicaProcess>
  readonly ofService: ReadonlyMap<string, readonly ReplicaProcess[]>
}

/** What is worked out once for each look at the host. */
const orders = new WeakMap<readonly ReplicaProcess[], Order>()

function orderOf(replicas: readonly ReplicaProcess[]): Order {
  const known = orders.get(replicas)
  if (known !== undefined) return known
  const order = {
    byId: new Map(replicas.map((replica) => [replica.id, replica])),
    ofService: Map.groupBy(replicas, ({ service }) => service),
  }
  orders.set(replicas, order)
  return order
}

/** Everything that should be asked whether it is alive. */
export function targetsOf(world: World): readonly Target[] {
  return Object.values(world.spec.services).flatMap((service): readonly Target[] => {
    if (service.kind === 'servers') {
      return service.servers.map((server) => {
        const { id, check } = server
        const { host = server.host, port = server.port } = wordOn(world.state, id)
        return {
          ...{ id, service: service.name, host, port, incarnation: '', starting: false },
          check: checkFor(check, { port, host, replica: id }),
          ...proxyOf(service),
          ...protocolOf(service),
        }
      })
    }
    const elsewhere = othersOf(world, service.name).filter(({ running }) => running)
    return [...replicasOf(world, service.name).filter(mayServe), ...elsewhere].map(
      ({ id, host, port, startedAt, restarts }) => ({
        id,
        service: service.name,
        host,
        port,
        incarnation: incarnationOf({ startedAt, restarts }),
        starting: !world.believed.has(beliefOf(world, id)),
        check: checkFor(service.check, { port, host, replica: id }),
        ...proxyOf(service),
        ...protocolOf(service),
      }),
    )
  })
}

const proxyOf = ({
  sendProxy,
  tls,
}: Service): { readonly sendProxy?: 'v1' | 'v2'; readonly tls?: ServerTls } => ({
  ...(sendProxy === undefined ? {} : { sendProxy }),
  ...(tls === undefined ? {} : { tls }),
})

const protocolOf = ({ protocol }: Service): { readonly protocol?: 'http2' } =>
  protocol === undefined ? {} : { protocol }

const incarnationOf = (replica: Pick<ReplicaProcess, 'startedAt' | 'restarts'>): string =>
  `${replica.startedAt}/${replica.restarts}`

/** The name under which a server is believed to be up: of this very process, where we run it. */
export function beliefOf(world: World, id: string): string {
  const replica = replicaOf(world, id) ?? world.cluster?.byId.get(id)
  return replica === undefined ? id : `${id} ${incarnationOf(replica)}`
}

/**
 * The verdict on a server. One that was up in the life of the last agent is believed to be up until
 * it has been asked: an agent that starts must not take traffic from servers that answer it.
 */
export function verdictOf(world: World, id: string): Verdict {
  const verdict = world.health.get(id)?.verdict ?? 'unknown'
  return verdict === 'unknown' && world.believed.has(beliefOf(world, id)) ? 'up' : verdict
}

/** Whether the service's own state, an operator or its own agent let it take nothing new. */
export function isDraining(world: World, service: string, id: string): boolean {
  const leaving = world.state.services[service]?.state.draining[id] !== undefined
  const asks = world.health.get(id)?.agent?.takes ?? 'ready'
  return leaving || isDrained(world, id) || asks !== 'ready'
}

/** Whether an operator told this server to take nothing new, here or on another machine. */
export const isDrained = ({ state, cluster }: World, id: string): boolean =>
  state.drained.includes(id) ||
  cluster?.drained.has(id) === true ||
  cluster?.byId.get(id)?.draining === true

function stateOf(world: World, service: string, id: string): ServerState {
  if (verdictOf(world, id) !== 'up') return 'down'
  return isDraining(world, service, id) ? 'draining' : 'up'
}

/** Whether clients that had a server go on with it while an operator drains it. */
function keepsSticky(world: World, { name, sticky }: Service, id: string): Partial<TableServer> {
  const leaving = world.state.services[name]?.state.draining[id] !== undefined
  const keeps = sticky?.keepWhileDraining === true && isDrained(world, id) && !leaving
  return keeps ? { keepsSticky: true } : {}
}

/** A process whose guard is gone goes on as long as it lives: it is asked like any other. */
const mayServe = ({ state }: ReplicaProcess): boolean =>
  state.kind === 'running' || state.kind === 'lost'

const replicaRouted = (world: World, replica: ReplicaProcess): ServerState =>
  mayServe(replica) ? stateOf(world, replica.service, replica.id) : 'down'

/**
 * One edge's share of a bound that the file gives for all of them together: edges know nothing of
 * each other. It is rounded up, so that a small bound leaves each of them something.
 */
const shareOf = (world: World, bound: number): number =>
  Math.ceil(bound / Math.max(1, world.spec.edges))

/** What its agent leaves of a server's weight. */
const agentShare = (world: World, id: string): number =>
  (world.health.get(id)?.agent?.weight ?? 100) / 100

/** The agent's limit goes before the file's; HAProxy's zero is none. */
function limitOf(world: World, id: string, own: number | undefined): number | undefined {
  const asked = world.health.get(id)?.agent?.maxConnections
  return asked === undefined ? own : asked === 0 ? undefined : asked
}

/** The servers of a service as the balancer should see them. */
export function serversOf(world: World, service: Service): readonly TableServer[] {
  if (service.kind === 'servers') {
    const rows = service.servers.map((server) => ({
      id: server.id,
      host: server.host,
      port: server.port,
      weight: server.weight * agentShare(world, server.id),
      backup: server.backup,
      maxConnections: limitOf(world, server.id, server.maxConnections),
      state: stateOf(world, service.name, server.id),
      ...keepsSticky(world, service, server.id),
    }))
    return rows.map((row, at) => told(world, row, service.servers[at]?.weight))
  }
  const serverOf = (
    { id, host, port }: Pick<ReplicaProcess, 'id' | 'host' | 'port'>,
    state: ServerState,
  ): TableServer => ({
    ...{ id, host, port, weight: agentShare(world, id), backup: false },
    maxConnections: limitOf(world, id, service.maxConnections),
    state,
    ...keepsSticky(world, service, id),
  })
  const elsewhere = othersOf(world, service.name).filter((replica) =>
    isOfInterest(world, replica, verdictOf(world, replica.id) === 'up'),
  )
  return [
    ...replicasOf(world, service.name).map((own) => serverOf(own, replicaRouted(world, own))),
    ...elsewhere.map((one) => serverOf(one, stateOf(world, service.name, one.id))),
  ].map((row) => told(world, row))
}

/** With what an operator said of it beside the file. */
const told = (world: World, row: TableServer, inFile = 1): TableServer =>
  withWord(row, wordOn(world.state, row.id), inFile, (bound) => bound)

/**
 * Requests on a server at this moment, as all edges count them, also those of other machines;
 * `undefined` while one of them has not said that it routes by the last table, so that nothing new
 * can have gone there since.
 */
export function inFlightOn(world: World, id: string): number | undefined {
  const [here, elsewhere] = [inFlightHere(world, id), inFlightElsewhere(world, id)]
  return here === undefined || elsewhere === undefined ? undefined : here + elsewhere
}

/** The same, as far as the edges of this machine go. */
export function inFlightHere(world: World, id: string): number | undefined {
  let sum = 0
  for (const edge of world.edges) {
    if (edge.state === 'gone') continue
    if (edge.report === undefined || edge.report.table < (world.table?.version ?? 0)) {
      return undefined
    }
    sum += edge.report.servers[id]?.active ?? 0
  }
  return sum
}

/** Servers that the last table sends to: the edges' counts do not tell of their being drained. */
function routedTo(world: World, service: string): ReadonlySet<string> {
  const servers = world.table?.pools.find(({ name }) => name === service)?.servers ?? []
  return new Set(servers.filter(({ state }) => state === 'up').map(({ id }) => id))
}

/** The replicas of one service as `services/decide` wants to see them. */
export function sightingsOf(world: World, service: string): readonly ReplicaSighting[] {
  const routed = routedTo(world, service)
  return replicasOf(world, service).map((replica) => ({
    id: replica.id,
    revision: replica.revision,
    state: replica.state.kind,
    failures: replica.failures,
    exit: 'exit' in replica.state ? describeExit(replica.state.exit) : undefined,
    startedAt: replica.startedAt,
    verdict: verdictOf(world, replica.id),
    verdictSince: world.health.get(replica.id)?.since,
    inFlight: routed.has(replica.id) ? undefined : inFlightOn(world, replica.id),
  }))
}

/** As an operator said, or as the file says. */
export const frontendLimit = ({ state }: World, { name, maxConnections }: Frontend): number =>
  state.saidOfFrontends?.[name] ?? maxConnections

/** Who prints the lines is no concern of edges. */
const logOf = ({ toStdout: _, ...log }: AccessLog): TableLog => log

/** The table that the balancer should route by, without its version. */
export function tableOf(world: World): Omit<Table, 'version'> {
  const { spec } = world
  const rows = databaseRows(world.databases ?? [], {
    now: world.now ?? instant(0),
    edges: spec.edges,
  })
  return {
    pools: [
      ...Object.values(spec.services).map((service) => ({
        name: service.name,
        servers: serversOf(world, service),
        hold: {
          wait: service.hold.wait,
          requests: shareOf(world, service.hold.requests),
          bytes: shareOf(world, service.hold.bytes),
        },
        connectTimeout: service.connectTimeout,
        responseTimeout: service.responseTimeout,
        ...proxyOf(service),
        ...protocolOf(service),
        ...stickyOf(service),
        ...maintenanceOf(world.state, 'services', service),
        ...(service.slowStart === undefined ? {} : { slowStart: service.slowStart }),
        hedge: service.hedge,
        keptBodies: {
          each: service.keptBodies.each,
          bytes: shareOf(world, service.keptBodies.bytes),
        },
      })),
      ...rows.pools,
    ],
    frontends: [
      ...Object.values(spec.frontends).map((frontend) => ({
        name: frontend.name,
        mode: frontend.mode,
        binds: frontend.binds,
        idleTimeout: frontend.idleTimeout,
        headTimeout: frontend.headTimeout,
        tunnelTimeout: frontend.tunnelTimeout,
        halfClosedTimeout: frontend.halfClosedTimeout,
        ...(frontend.pace === undefined ? {} : { pace: frontend.pace }),
        maxConnections: shareOf(world, frontendLimit(world, frontend)),
        ...(frontend.acceptProxy === undefined ? {} : { acceptProxy: frontend.acceptProxy }),
        errorPages: frontend.errorPages,
        tls: tableTls(frontend, world.certificates),
        redirect: frontend.redirect,
        ...(frontend.telling === undefined ? {} : { telling: frontend.telling }),
        ...(frontend.accessLog === undefined ? {} : { log: logOf(frontend.accessLog) }),
        ...(frontend.limits === undefined ? {} : { limits: frontend.limits }),
        ...(frontend.concurrency === undefined ? {} : { concurrency: frontend.concurrency }),
        ...maintenanceOf(world.state, 'frontends', frontend),
        routes: rowsOf(spec, frontend),
      })),
      ...rows.frontends,
    ],
  }
}
