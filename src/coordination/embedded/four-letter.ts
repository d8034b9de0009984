// What does the server say to a word of four letters? The commands that operators and monitoring
// know from Apache ZooKeeper, in its format (server/command of Apache ZooKeeper).

import { opcode } from '../../wire/jute/opcodes.ts'
import type { Clients } from './clients.ts'
import type { Connection } from './connection.ts'
import type { ServerLimits } from './options.ts'
import type { Stats } from './stats.ts'
import type { State } from './transactions.ts'
import type { WatchTable } from './watches.ts'

/** What the words speak of. */
export interface Subject {
  readonly state: State
  readonly stats: Stats
  readonly clients: Clients
  readonly limits: ServerLimits
  readonly version: string
  readonly folder: string
  readonly port: number
  readonly startedAtMs: number
  readonly nowMs: number
  /** The bytes of all logs, and of all snapshots. */
  readonly sizes: { readonly logs: number; readonly snapshots: number }
  /** `name=value`, for `envi`. */
  readonly environment: readonly (readonly [name: string, value: string])[]
  /** The words that are answered; the others are refused in words. */
  readonly words: ReadonlySet<string> | 'all'
}

const hex = (number: number): string => `0x${number.toString(16)}`
const line = (...texts: readonly string[]): string => texts.map((text) => `${text}\n`).join('')

const opLabels = new Map<number, string>([
  [-1, 'NA'],
  [opcode.createSession, 'SESS'],
  [opcode.closeSession, 'CLOS'],
  [opcode.ping, 'PING'],
  [opcode.multi, 'MULT'],
  [opcode.multiRead, 'MLTR'],
  [opcode.create, 'CREA'],
  [opcode.create2, 'CREA'],
  [opcode.createTTL, 'CREA'],
  [opcode.createContainer, 'CREA'],
  [opcode.delete, 'DELE'],
  [opcode.setData, 'SETD'],
  [opcode.setACL, 'SETA'],
  [opcode.sync, 'SYNC'],
  [opcode.check, 'CHEC'],
  [opcode.exists, 'EXIS'],
  [opcode.getData, 'GETD'],
  [opcode.setWatches, 'SETW'],
  [opcode.setWatches2, 'STW2'],
  [opcode.addWatch, 'ADDW'],
  [opcode.getACL, 'GETA'],
  [opcode.getChildren, 'GETC'],
  [opcode.getChildren2, 'GETC'],
  [opcode.getAllChildrenNumber, 'GETACN'],
  [opcode.checkWatches, 'CHKW'],
  [opcode.removeWatches, 'REMW'],
  [opcode.getEphemerals, 'GETE'],
  [opcode.whoAmI, 'HOMI'],
])

/** A connection as `stat` and `cons` show it. */
function connectionLine(connection: Connection, isBrief: boolean): string {
  const { wire, session, outstanding, packetsIn, packetsOut, latency } = connection
  const head =
    ` /${wire.address}:${wire.port}[${connection.isPaused ? 0 : 1}](queued=${outstanding},` +
    `recved=${packetsIn},sent=${packetsOut}`
  if (isBrief || session === null) return `${head})`
  const xid = connection.lastXid >= 0 ? [`lcxid=${hex(connection.lastXid)}`] : []
  const rest = [
    `sid=${hex(session.id)}`,
    `lop=${opLabels.get(connection.lastOp) ?? 'NA'}`,
    `est=${Math.floor(connection.since)}`,
    `to=${session.timeoutMs}`,
    ...xid,
    `lzxid=${hex(connection.lastZxid)}`,
    `lresp=${Math.floor(connection.lastAnswerAt)}`,
    `llat=${whole(latency.last)}`,
    `minlat=${whole(latency.least)}`,
    `avglat=${whole(latency.mean)}`,
    `maxlat=${whole(latency.most)}`,
  ]
  return `${head},${rest.join(',')})`
}

/** Milliseconds as a whole number, as Apache ZooKeeper counts them. */
const whole = (length: number): number => Math.floor(length)

const meanOf = ({ latency }: Stats): string => decimal(Math.round(latency.mean * 10_000) / 10_000)

/** A number as Java writes a double. */
const decimal = (value: number): string => (Number.isInteger(value) ? `${value}.0` : `${value}`)

/** Apache ZooKeeper counts the root twice: as "" and as "/". */
const nodeCount = ({ state }: Subject): number => state.tree.count + 1

const outstandingOf = ({ clients }: Subject): number => {
  let count = 0
  for (const connection of clients.all) count += connection.outstanding
  return count
}

function srvr(subject: Subject, isStat: boolean): string {
  const { stats, clients, state, version } = subject
  const { least, most } = stats.latency
  const connections = [...clients.all].map((connection) => connectionLine(connection, true))
  return (
    line(`Zookeeper version: ${version}`) +
    (isStat ? line('Clients:', ...connections, '') : '') +
    line(
      `Latency min/avg/max: ${whole(least)}/${meanOf(stats)}/${whole(most)}`,
      `Received: ${stats.packetsIn}`,
      `Sent: ${stats.packetsOut}`,
      `Connections: ${clients.all.size}`,
      `Outstanding: ${outstandingOf(subject)}`,
      `Zxid: ${hex(state.tree.zxid)}`,
      'Mode: standalone',
      `Node count: ${nodeCount(subject)}`,
    )
  )
}

function conf({ port, folder, sizes, limits }: Subject): string {
  return line(
    `clientPort=${port}`,
    'secureClientPort=-1',
    `dataDir=${folder}`,
    `dataDirSize=${sizes.snapshots}`,
    `dataLogDir=${folder}`,
    `dataLogSize=${sizes.logs}`,
    `tickTime=${limits.tickMs}`,
    `maxClientCnxns=${limits.connectionsPerAddressMost}`,
    `minSessionTimeout=${limits.timeoutLeastMs}`,
    `maxSessionTimeout=${limits.timeoutMostMs}`,
    'clientPortListenBacklog=-1',
    'serverId=0',
  )
}

/** A time as Java's Date.toString says it, in UTC. */
function javaDate(at: number): string {
  const [day, date, month, year, time] = new Date(at).toUTCString().replace(',', '').split(' ')
  return `${day} ${month} ${date} ${time} UTC ${year}`
}

function dump({ state, clients }: Subject): string {
  const buckets = [...state.sessions.byExpiry()]
  const expiries = buckets.flatMap(([at, sessions]) => [
    `${sessions.length} expire at ${javaDate(at)}:`,
    ...sessions.map((session) => `\t${hex(session.id)}`),
  ])
  const owned = [...state.tree.ephemerals].flatMap(([id, nodes]) => [
    `${hex(id)}:`,
    ...[...nodes].map((node) => `\t${node.path}`),
  ])
  const open = [...clients.all].map((connection) => {
    const { address, port } = connection.wire
    return `\tip: /${address}:${port} sessionId: ${hex(connection.session?.id ?? 0)}`
  })
  return line(
    'SessionTracker dump:',
    `Session Sets (${buckets.length})/(${state.sessions.size}):`,
    ...expiries,
    'ephemeral nodes dump:',
    `Sessions with Ephemerals (${state.tree.ephemerals.size}):`,
    ...owned,
    'Connections dump:',
    `Connections Sets (1)/(${open.length}):`,
    ...open,
  )
}

function mntr(subject: Subject): string {
  const { state, stats, clients, version, sizes } = subject
  const { least, most } = stats.latency
  const values: readonly (readonly [string, string | number])[] = [
    ['version', version],
    ['server_state', 'standalone'],
    ['avg_latency', meanOf(stats)],
    ['max_latency', whole(most)],
    ['min_latency', whole(least)],
    ['packets_received', stats.packetsIn],
    ['packets_sent', stats.packetsOut],
    ['num_alive_connections', clients.all.size],
    ['outstanding_requests', outstandingOf(subject)],
    ['znode_count', nodeCount(subject)],
    ['watch_count', state.tree.watches.count],
    ['ephemerals_count', [...state.tree.ephemerals.values()].reduce((n, own) => n + own.size, 0)],
    ['approximate_data_size', state.tree.dataBytes],
    ['tree_memory_size', state.tree.cost],
    ['global_sessions', state.sessions.size],
    ['local_sessions', 0],
    ['stale_sessions_expired', stats.expired],
    ['connection_rejected', clients.refused],
    ['last_client_response_size', stats.answerLast],
    ['max_client_response_size', stats.answerMost],
    ['min_client_response_size', stats.answerLeast],
    ['log_size', sizes.logs],
    ['snapshot_size', sizes.snapshots],
    ['uptime', Math.floor(subject.nowMs - subject.startedAtMs)],
  ]
  return values.map(([name, value]) => `zk_${name}\t${value}\n`).join('')
}

function wchs({ state }: Subject): string {
  const entries = [...state.tree.watches.inTable('data')]
  const watchers = new Set(entries.flatMap(([, watchers]) => watchers))
  const total = entries.reduce((sum, [, watchers]) => sum + watchers.length, 0)
  return line(
    `${watchers.size} connections watching ${entries.length} paths`,
    `Total watches:${total}`,
  )
}

/** The watches of a table: by path, or by session. */
function watchList({ state, clients }: Subject, table: WatchTable, isByPath: boolean): string {
  const byKey = new Map<string, string[]>()
  const ids = new Map<unknown, string>(
    [...clients.all].map((connection) => [connection, hex(connection.session?.id ?? 0)]),
  )
  for (const [path, watchers] of state.tree.watches.inTable(table)) {
    for (const watcher of watchers) {
      const id = ids.get(watcher) ?? '0x0'
      const [key, value] = isByPath ? [path, id] : [id, path]
      byKey.set(key, [...(byKey.get(key) ?? []), value])
    }
  }
  const lists = [...byKey].map(([key, values]) => line(key, ...values.map((value) => `\t${value}`)))
  return `${lists.join('')}\n`
}

const answers: Readonly<Record<string, (subject: Subject) => string>> = {
  ruok: () => 'imok',
  isro: () => 'rw',
  srvr: (subject) => srvr(subject, false),
  stat: (subject) => srvr(subject, true),
  cons: ({ clients }) =>
    line(...[...clients.all].map((connection) => connectionLine(connection, false)), ''),
  conf,
  dump,
  mntr,
  wchs,
  wchc: (subject) => watchList(subject, 'data', false),
  wchp: (subject) => watchList(subject, 'data', true),
  dirs: ({ sizes }) => line(`datadir_size: ${sizes.snapshots}`, `logdir_size: ${sizes.logs}`),
  envi: ({ environment }) =>
    line('Environment:', ...environment.map(([name, value]) => `${name}=${value}`)),
  crst({ clients }) {
    for (const connection of clients.all) connection.resetCounts()
    return line('Connection stats reset.')
  },
  srst({ stats }) {
    stats.reset()
    return line('Server stats reset.')
  },
}

const byNumber = new Map(
  Object.keys(answers).map((word) => [Buffer.from(word).readInt32BE(0), word]),
)

/** The answer to the word whose letters are the bytes of `number`; `undefined` if it is none. */
export function answerWord(number: number, subject: () => Subject): string | undefined {
  const word = byNumber.get(number)
  if (word === undefined) return undefined
  const about = subject()
  if (about.words !== 'all' && !about.words.has(word)) {
    return line(`${word} is not executed because it is not in the whitelist.`)
  }
  return answers[word]?.(about)
}
