// What the file says its machines agree through, opened: sessions with it, whose nodes only this
// cluster can read and change. On one machine the server is started here, too.

import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type MachineKeys, readPrivate } from '../control/doors/keys.ts'
import { writeWhole } from '../control/whole-file.ts'
import { Fault } from '../foundation/fault.ts'
import { type Clock, type Milliseconds, ms } from '../foundation/time.ts'
import { digest } from './client/acl.ts'
import type { ClientOptions } from './client/client.ts'
import { isZooKeeperError } from './client/errors.ts'
import { formatHost } from './client/hosts.ts'
import type { TlsOptions } from './client/transport.ts'
import { describeNews } from './embedded/coordinator.ts'
import { openEmbeddedServer } from './embedded/server.ts'
import type { MemberAnswer } from './ensemble/model.ts'
import { dialOf, endpointsOf, type OpenHost, openManaged } from './managed.ts'
import type { CoordinationPlan, Endpoint, ExistingPlan, ManagedPlan, TlsFiles } from './model.ts'
import { type OpenCoordinator, openCoordinator } from './zookeeper.ts'

/** What it is opened with. */
export interface CoordinationOptions {
  readonly plan: CoordinationPlan
  /** The private folder of the file's state. */
  readonly folder: string
  /** This machine's keys, made by `alwayson init`; one machine alone does without. */
  readonly keys: MachineKeys | undefined
  readonly clock: Clock
  /** Hears what somebody should know of the server that runs here; `why` completes a sentence. */
  readonly heard: (rule: string, why: string) => void
  /** Runs guarded processes; a managed ensemble needs it. */
  readonly openHost: OpenHost
}

/**
 * What the machines agree through, open until it is disposed. A server of a managed ensemble that
 * runs here outlives that: the next one who opens it adopts it.
 */
export interface OpenCoordination extends Part {
  /**
   * Goes on as a later file says: the server that runs here takes its new settings, one machine
   * after the other, and new sessions go to the servers it names; those that are open stay where
   * they are. Rejects with a Fault, with everything as before, where that cannot be done.
   */
  follow(plan: CoordinationPlan): Promise<void>
}

/** The same, by one plan. */
interface Part extends AsyncDisposable {
  /** Where its servers are, for people: `10.0.0.11:2181,10.0.0.12:2181/alwayson/shop`. */
  readonly hosts: string
  /** Resolves, with why, if the server that runs here had to stop; it never rejects. */
  readonly failed: Promise<Fault>
  /**
   * A new session, once it is connected; for `inSessions`. Its nodes are closed to whoever does not
   * know the cluster's secret. Rejects as `openCoordinator` does.
   */
  open(signal?: AbortSignal): Promise<OpenCoordinator>
  /**
   * What the server of each machine answered last, where Always On runs an ensemble; without those
   * that have not been asked yet.
   */
  servers(): ReadonlyMap<string, MemberAnswer>
  /** Ends the server that runs here for good, then all of it. */
  stop(within: Milliseconds): Promise<void>
}

/**
 * Opens what `plan` names. Rejects with a Fault: `not-found` where keys or certificates are
 * missing, or as `openEmbeddedServer` does. It waits for no server to answer; `open` does.
 */
export async function openCoordination(options: CoordinationOptions): Promise<OpenCoordination> {
  let { plan } = options
  let part = await openPart(plan, options)
  return {
    failed: part.failed,
    get hosts() {
      return part.hosts
    },
    servers: () => part.servers(),
    open: (signal) => part.open(signal),
    stop: (within) => part.stop(within),
    [Symbol.asyncDispose]: () => part[Symbol.asyncDispose](),
    async follow(next) {
      if (isDeepStrictEqual(next, plan)) return
      refuseToMove(plan, next)
      await part[Symbol.asyncDispose]()
      try {
        part = await openPart(next, options)
        plan = next
      } catch (thrown) {
        part = await openPart(plan, options)
        throw thrown
      }
    },
  }
}

/** What was agreed on lies in one tree: in another, nobody would know of it. */
function refuseToMove(plan: CoordinationPlan, next: CoordinationPlan): void {
  const treeOf = (one: CoordinationPlan) => (one.kind === 'embedded' ? '' : one.chroot)
  if (plan.kind === next.kind && treeOf(plan) === treeOf(next)) return
  throw new Fault('refused', 'what the machines agreed on does not move to another coordinator', {
    remedy: 'end it on all machines (alwayson down), and bring it up with the new file',
  })
}

function openPart(plan: CoordinationPlan, options: CoordinationOptions): Promise<Part> {
  switch (plan.kind) {
    case 'embedded':
      return openOwn(options)
    case 'zookeeper':
      return openExisting(plan, options)
    case 'managed':
      return openEnsemble(plan, options)
  }
}

async function openExisting(plan: ExistingPlan, options: CoordinationOptions): Promise<Part> {
  const tls = plan.tls === undefined ? {} : { tls: tlsOf(plan.tls) }
  return reach(plan, plan.servers, keysOf(options).secret, { clock: options.clock, ...tls })
}

async function openEnsemble(plan: ManagedPlan, options: CoordinationOptions): Promise<Part> {
  const keys = keysOf(options)
  const { clock, heard, folder, openHost } = options
  const dial = dialOf(plan, keys)
  const reached = reach(plan, endpointsOf(plan), keys.secret, { clock, dial })
  const open = (signal: AbortSignal) => reached.open(signal)
  const managed = await openManaged({ plan, keys, folder, clock, openHost, open, heard })
  return {
    ...reached,
    servers: () => managed.answers(),
    async stop(within) {
      await managed.stop(within)
      managed[Symbol.dispose]()
    },
    async [Symbol.asyncDispose]() {
      managed[Symbol.dispose]()
    },
  }
}

function keysOf({ keys }: CoordinationOptions): MachineKeys {
  if (keys !== undefined) return keys
  throw new Fault('not-found', 'this machine has no keys, and without them nobody takes part', {
    remedy: 'make them with `alwayson init`, and copy to each machine its own',
  })
}

function tlsOf({ ca, cert, key }: TlsFiles): TlsOptions {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8')
    } catch (cause) {
      throw new Fault('not-found', `cannot read ${path} for TLS with the coordinator`, { cause })
    }
  }
  return {
    ...(ca === undefined ? {} : { ca: read(ca) }),
    ...(cert === undefined ? {} : { cert: read(cert) }),
    ...(key === undefined ? {} : { key: read(key) }),
  }
}

/** Whoever is without servers looks for them often: they are few, and an election is short. */
const backoff = { first: ms(50), factor: 2, most: ms(250), jitter: 0.5 }
/** An election on a busy machine takes longer than a short session, and ends none. */
const patience = ms(6000)

/** The name that the cluster's secret is the password of. */
const userName = 'alwayson'

interface Shared {
  readonly chroot: string
  readonly session: ManagedPlan['session']
}

function reach(
  { chroot, session }: Shared,
  servers: readonly Endpoint[],
  secret: string,
  how: ClientOptions,
): Part {
  const hosts = `${servers.map(formatHost).join(',')}${chroot}`
  const options = {
    hosts,
    ...how,
    timeout: session,
    ...{ backoff, patience },
    credentials: [{ scheme: 'digest', auth: `${userName}:${secret}` }],
    acl: [digest(userName, secret)],
  }
  let hasRoot = false
  return {
    hosts,
    failed: new Promise<Fault>(() => undefined),
    async open(signal) {
      const coordinator = await openCoordinator({ ...options, hasRoot }, signal)
      try {
        // Who took it away meanwhile took everything: it is made again with the next session.
        hasRoot = (await coordinator.list('/', signal)) !== undefined
        if (!hasRoot) throw new Fault('not-found', `the node of ${hosts} is gone`)
        return coordinator
      } catch (thrown) {
        await coordinator[Symbol.asyncDispose]()
        throw isZooKeeperError(thrown, 'no-auth') ? notOurs(hosts, thrown) : thrown
      }
    },
    servers: () => new Map(),
    // Sessions end with those who opened them; nothing else is open.
    stop: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

const notOurs = (hosts: string, cause: unknown): Fault =>
  new Fault('refused', `${hosts} belongs to a cluster with another secret`, {
    cause,
    remedy: 'give this machine the keys of that cluster, or this cluster another `chroot`',
  })

/** The server of one machine: in this process, on loopback, its data in the state folder. */
async function openOwn(options: CoordinationOptions): Promise<Part> {
  const folder = join(options.folder, 'coordination')
  const { clock, heard } = options
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const secret = options.keys?.secret ?? (await ownSecret(join(options.folder, 'secret')))
  const server = await openEmbeddedServer({
    folder,
    clock,
    heard: (news) => heard(news.kind, describeNews(news)),
  })
  const shared = { chroot: '/alwayson', session: sessionOfOne }
  const reached = reach(shared, [server], secret, { clock })
  return {
    ...reached,
    failed: server.failed,
    stop: async () => server[Symbol.asyncDispose](),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** It lives with this very process: what it must outlive is a pause, not a cut. */
const sessionOfOne = ms(10_000)

/** The secret of a machine that is alone; made when it is first needed. */
async function ownSecret(path: string): Promise<string> {
  const known = (await readPrivate(path))?.trim()
  if (known !== undefined && known !== '') return known
  const secret = randomBytes(32).toString('base64url')
  writeWhole(path, `${secret}\n`)
  return secret
}
