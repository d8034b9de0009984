// Where do the addresses of databases lead at this moment? From what is known to rows of the table.
// Pure: whoever calls it says what time it is.

import type {
  EdgeAccount,
  Pool,
  ServerState,
  TableFrontend,
  TableServer,
} from '../balancing/model.ts'
import { boundsFor } from '../databases/budget.ts'
import { encryptionOf, isSpoken } from '../databases/encryption.ts'
import type {
  DatabasePlan,
  DatabaseView,
  MemberPlan,
  MemberSighting,
  Phase,
} from '../databases/model.ts'
import { type Instant, type Milliseconds, ms, since } from '../foundation/time.ts'

/** What the rows depend on beside the databases. */
export interface RowsContext {
  readonly now: Instant
  /** Edges of this machine: what the file bounds for all of them is shared out. */
  readonly edges: number
}

/** A part of a table. */
export interface DatabaseRows {
  readonly frontends: readonly TableFrontend[]
  readonly pools: readonly Pool[]
}

/** The longest that a client may wait to be connected to a server, before another is tried. */
const connectTimeout = ms(2000)
/** Sessions of databases rest for hours: the system finds out whether their clients are there. */
const endless = ms(Number.MAX_SAFE_INTEGER)
/** Reads that run on a replica which falls behind may end there. */
const readGrace = ms(30_000)
/** Of a planned move: what has not ended by then is cut. The server is stopped soon after. */
const moveGrace = ms(5000)
/** Connections that an address takes: beyond it the database itself would refuse them. */
const connectionsMost = 10_000

/** What the address of a database is called in tables, logs and metrics. */
export const frontendName = (database: string, kind: 'write' | 'read'): string =>
  `${database}.${kind}`

/**
 * Frontends and pools of all databases, each pool with the epoch of the record: an edge never goes
 * back to an earlier one. Without a record nobody is up, and edges that know better stay with it.
 */
export function databaseRows(views: readonly DatabaseView[], context: RowsContext): DatabaseRows {
  const rows = views.flatMap((view): readonly [TableFrontend, Pool][] => [
    rowOf(view, 'write', view.plan.bind.write, writers(view), moveGrace, context),
    ...(view.plan.bind.read === undefined
      ? []
      : [rowOf(view, 'read', view.plan.bind.read, readers(view, context), readGrace, context)]),
  ])
  return { frontends: rows.map(([frontend]) => frontend), pools: rows.map(([, pool]) => pool) }
}

/** As whom edges may log in anew: the application's user, at each address of its database. */
export const databaseAccounts = (
  { name, app, bind }: DatabasePlan,
  password: string,
): readonly EdgeAccount[] =>
  (bind.read === undefined ? (['write'] as const) : (['write', 'read'] as const)).map((kind) => ({
    ...{ frontend: frontendName(name, kind), user: app.user, password },
  }))

function rowOf(
  { plan, record }: DatabaseView,
  kind: 'write' | 'read',
  bind: TableFrontend['binds'][number],
  servers: readonly TableServer[],
  grace: Milliseconds,
  { edges }: RowsContext,
): [TableFrontend, Pool] {
  const name = frontendName(plan.name, kind)
  const share = (count: number): number => Math.ceil(count / Math.max(1, edges))
  return [
    {
      ...{ name, mode: 'tcp', binds: [bind] },
      routes: [{ host: undefined, path: undefined, pool: name, policy: 'leastconn' }],
      ...{ idleTimeout: endless, headTimeout: ms(10_000), errorPages: {} },
      maxConnections: share(connectionsMost),
      speaks: plan.engine === 'postgresql' ? 'postgresql' : 'mysql',
    },
    {
      ...{ name, servers, epoch: record?.epoch ?? 0, cut: { grace } },
      hold: {
        wait: plan.hold.wait,
        requests: share(plan.hold.connections),
        bytes: share(plan.hold.connections * heldBytesMost),
      },
      ...{ connectTimeout, responseTimeout: connectTimeout },
      ...(speaksTls({ plan, record }) ? { isCluster: true as const } : {}),
    },
  ]
}

/**
 * Whether its servers take sessions under TLS. Those of MySQL do not: to log in there under TLS a
 * client of `caching_sha2_password` would have to say its password to the door.
 */
const speaksTls = ({ plan, record }: Pick<DatabaseView, 'plan' | 'record'>): boolean =>
  isSpoken(encryptionOf(plan, record)) && plan.engine !== 'mysql'

/** What one waiting session may have sent already. */
const heldBytesMost = 64 * 1024

const serverOf = (
  frontend: string,
  { name, host, port }: MemberPlan,
  state: ServerState,
  backup = false,
): TableServer => ({
  ...{ id: `${frontend}/${name}`, host, port, weight: 1, state, backup },
  maxConnections: undefined,
})

const sightingOf = ({ members }: DatabaseView, name: string): MemberSighting | undefined =>
  members.find(({ member }) => member === name)

/** Every member, so that a server keeps its row while roles change. */
const writers = (view: DatabaseView): readonly TableServer[] =>
  view.plan.members.map((member) =>
    serverOf(frontendName(view.plan.name, 'write'), member, writerState(view, member.name)),
  )

/**
 * The primary of the record, unless its keeper says that it does not serve. One of which nothing
 * was ever heard is believed: an agent that has just started must not cut what goes well.
 */
function writerState(view: DatabaseView, name: string): ServerState {
  const phase = view.record?.phase
  if (phase?.kind === 'handing-over') return phase.from === name ? 'draining' : 'down'
  if (phase?.kind !== 'serving' || phase.primary !== name) return 'down'
  const seen = sightingOf(view, name)
  return seen === undefined || serves(seen, view) ? 'up' : 'down'
}

const serves = ({ server, writable, epoch }: MemberSighting, { record }: DatabaseView): boolean =>
  server === 'primary' && writable && epoch === record?.epoch

/** Replicas that are near enough; the primary too, for when there is none. */
const readers = (view: DatabaseView, { now }: RowsContext): readonly TableServer[] =>
  view.plan.members.map((member) => {
    const frontend = frontendName(view.plan.name, 'read')
    const asWriter = writerState(view, member.name)
    if (asWriter !== 'down') return serverOf(frontend, member, asWriter, true)
    return serverOf(frontend, member, readerState(view, sightingOf(view, member.name), now))
  })

/**
 * One that is too far behind, silent, or about to be started anew or to take over takes no new
 * reads; one that belongs to another history answers none at all. While there is no primary nobody
 * can be near it: then what was good enough stays so until it is too old.
 */
function readerState(
  view: DatabaseView,
  seen: MemberSighting | undefined,
  now: Instant,
): ServerState {
  const { plan, record, connected } = view
  // Nothing was ever heard of it: an agent that has just started must not cut what goes well.
  if (seen === undefined) return 'draining'
  if (seen.diverged) return 'down'
  const takesOver = seen.member === nextPrimary(record?.phase)
  // It has become primary, and doors will lead there in a moment.
  if (seen.server !== 'replica') return takesOver && seen.server === 'primary' ? 'draining' : 'down'
  if (seen.busy !== undefined || takesOver) return 'draining'
  const hasPrimary = record?.phase.kind === 'serving' || record?.phase.kind === 'handing-over'
  // Until it follows that one what it has may be of another history: reads under way end on it.
  if (hasPrimary && seen.epoch !== record?.epoch) return 'draining'
  const streams = !hasPrimary || seen.upstream !== undefined
  const isNear = seen.lag !== undefined && seen.lag <= plan.readLag
  const bounds = boundsFor(plan.target, plan.engine)
  const isHeard =
    !connected || typeof bounds === 'string' || since(seen.heard, now) < bounds.silence
  return streams && isNear && isHeard ? 'up' : 'draining'
}

/** Who is about to lead: what reads there may be cut off, or would be on a primary. */
function nextPrimary(phase: Phase | undefined): string | undefined {
  switch (phase?.kind) {
    case 'serving':
      return phase.next?.to
    case 'handing-over':
      return phase.to
    case 'electing':
      return phase.prefer
    case 'promoting':
      return phase.winner
    default:
      return undefined
  }
}
