// The embedded server: one folder, one port, the ZooKeeper protocol. Puts the parts together, and
// takes them apart in reverse.

import { randomBytes, randomInt } from 'node:crypto'
import { mkdirSync, statSync } from 'node:fs'
import { hostname, release } from 'node:os'
import type { Fault } from '../../foundation/fault.ts'
import { type Clock, ms, openClock } from '../../foundation/time.ts'
import type { Disk } from './disk.ts'
import { openFolder } from './disk-folder.ts'
import { answerWord, type Subject } from './four-letter.ts'
import { Keeper } from './keeper.ts'
import { lockFolder } from './lock.ts'
import { defaultLimits, type ServerLimits } from './options.ts'
import { type Finding, filesOf, recover } from './recovery.ts'
import { Service } from './service.ts'
import type { Listen, Wire } from './transport.ts'
import { handlesWork, listenOnHandles } from './transport-handles.ts'
import { listenOnNet } from './transport-net.ts'
import { Wal } from './wal.ts'

/** What can be told to an embedded server. */
export interface EmbeddedServerOptions {
  /** Where it keeps its logs and snapshots; made if it is not there. */
  readonly folder: string
  /** An address of this machine; loopback unless told otherwise. */
  readonly host?: string
  /** 0: one that is free. */
  readonly port?: number
  readonly limits?: Partial<ServerLimits>
  /** Who may do everything: `super:` and the base64 of SHA-1 of `super:password`. */
  readonly superDigest?: string
  /** The four-letter words that are answered; all, unless told otherwise. */
  readonly words?: readonly string[]
  /** Certificate and key in PEM; with `ca`, clients have to show a certificate of it. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string }
  /** `net` keeps to the runtime's public sockets; else the faster ones are used if they work. */
  readonly transport?: 'net'
  readonly clock?: Clock
  /** Hears what somebody should know of. */
  readonly heard?: (news: ServerNews) => void
}

/** What somebody should know of. */
export type ServerNews =
  | Finding
  /** The disk is full; nothing is acknowledged until there is room. */
  | { readonly kind: 'stalled'; readonly fault: Fault }
  | { readonly kind: 'goes-on' }
  | { readonly kind: 'snapshot-failed'; readonly fault: Fault }

/** A server that runs until it is disposed, or has failed. */
export interface EmbeddedServer extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** How many transactions were replayed when it was opened. */
  readonly replayed: number
  /** Resolves, with why, if the server had to stop by itself; it never rejects. */
  readonly failed: Promise<Fault>
  /** Begins a snapshot now. */
  snapshot(): void
}

/** The version that clients are told: what the server does is what 3.8 does. */
const protocolVersion = '3.8.0'

/**
 * Opens a server on a folder. Rejects with a Fault: `in-use` when the folder or the port is
 * another's, `corrupt` when the folder is damaged, with the place and the remedy.
 */
export async function openEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  await using parts = new AsyncDisposableStack()
  mkdirSync(options.folder, { recursive: true, mode: 0o700 })
  parts.use(lockFolder(options.folder))
  const disk = openFolder(options.folder)
  const limits = { ...defaultLimits, ...options.limits }
  const clock = options.clock ?? openClock()
  const heard = options.heard ?? (() => undefined)
  const failure = Promise.withResolvers<Fault>()
  const { state, findings, replayed, replayedBytes } = recover(disk, limits, clock.now())
  for (const finding of findings) heard(finding)
  const salt = (): number => randomInt(2 ** 32)
  const wal = new Wal({
    disk,
    clock,
    salt,
    fileBytesMost: limits.logBytesMost,
    stalled: (fault) => heard(fault === null ? { kind: 'goes-on' } : { kind: 'stalled', fault }),
  })
  await new Promise<void>((resolve, reject) => {
    wal.begin(state.tree.zxid + 1, (error) => (error === null ? resolve() : reject(error)))
  })
  parts.defer(() => wal.close())
  const startedAtMs = clock.now()
  const service: Service = new Service({
    state,
    wal,
    limits,
    now: () => clock.now(),
    defer: setImmediate,
    secret: randomBytes,
    superDigest: options.superDigest,
    word: (word) => answerWord(word, () => subjectOf(service, disk, options, startedAtMs, port)),
    carried: () => keeper.look(wal.written),
    failed(fault) {
      service.clients.isClosing = true
      service.clients.dropAll()
      failure.resolve(fault)
    },
  })
  const keeper: Keeper = new Keeper({
    disk,
    state,
    limits,
    behindBytes: replayedBytes,
    salt,
    defer: setImmediate,
    failed: (fault) => heard({ kind: 'snapshot-failed', fault }),
  })
  parts.defer(() => keeper.stop())
  parts.defer(async () => {
    service.clients.isClosing = true
    if (!wal.isStalled) await service.commits.whenIdle()
    service.clients.dropAll()
  })
  let port = options.port ?? 0
  parts.use(keepUp(service, clock))
  const listen = await listenFor(options)
  const accept = (wire: Wire) => service.clients.accept(wire)
  const listening = await listen(options.host ?? '127.0.0.1', port, accept)
  parts.use(listening)
  keeper.look(0)
  port = listening.port
  const all = parts.move()
  return {
    host: listening.host,
    port,
    replayed,
    failed: failure.promise,
    snapshot: () => keeper.begin(wal.written),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

async function listenFor({ tls, transport }: EmbeddedServerOptions): Promise<Listen> {
  if (tls !== undefined) {
    const { listenOnTls } = await import('./transport-tls.ts')
    const { cert, key, ca } = tls
    return listenOnTls({ cert, key, ...(ca && { ca, requestCert: true }) })
  }
  return transport === 'net' || !handlesWork() ? listenOnNet : listenOnHandles
}

/** Does what has to be done again and again: for sessions, silent connections, overdue nodes. */
function keepUp(service: Service, clock: Clock): Disposable {
  const { tickMs, overdueCheckMs } = service.limits
  let lastTickAt = clock.now()
  let lastCheckAt = lastTickAt
  const tick = (): void => {
    const now = clock.now()
    service.tick(now - lastTickAt)
    lastTickAt = now
    if (now - lastCheckAt >= overdueCheckMs) {
      lastCheckAt = now
      service.removeOverdue()
    }
    timer = clock.after(ms(tickMs), tick)
  }
  let timer = clock.after(ms(tickMs), tick)
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
}

function subjectOf(
  service: Service,
  disk: Disk,
  options: EmbeddedServerOptions,
  startedAtMs: number,
  port: number,
): Subject {
  const sum = (kind: 'log' | 'snapshot'): number =>
    filesOf(disk, kind).reduce((bytes, name) => bytes + disk.sizeOf(name), 0)
  const built = statSync(import.meta.filename).mtime.toISOString()
  const version =
    `${protocolVersion}-alwayson, built on ` + `${built.slice(0, 10)} ${built.slice(11, 16)} UTC`
  return {
    state: service.state,
    stats: service.stats,
    clients: service.clients,
    limits: service.limits,
    version,
    folder: options.folder,
    port,
    startedAtMs,
    nowMs: service.nowMs,
    sizes: { logs: sum('log'), snapshots: sum('snapshot') },
    environment: [
      ['zookeeper.version', version],
      ['host.name', hostname()],
      ['node.version', process.version],
      ['os.name', process.platform],
      ['os.arch', process.arch],
      ['os.version', release()],
    ],
    words: options.words === undefined ? 'all' : new Set(options.words),
  }
}
