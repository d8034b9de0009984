// A client of ZooKeeper: what it can do, and how it is opened. Speaks to Apache ZooKeeper, to the
// embedded server, and to whatever else keeps to the protocol.

import type { BackoffPolicy } from '../../control/backoff.ts'
import { openRandom, type Random } from '../../foundation/random.ts'
import { type Clock, type Milliseconds, ms, openClock } from '../../foundation/time.ts'
import { frameBytesMost } from '../../wire/jute/frames.ts'
import { type Asker, openAsker } from './ask.ts'
import { Driver } from './driver.ts'
import { parseConnectString, shuffled } from './hosts.ts'
import type { ClientState, Id, NodeData, WatchOptions } from './model.ts'
import { type NodeOperations, nodeOperations } from './nodes.ts'
import { type TransactionOperations, transactionOperations } from './transactions.ts'
import { type Dial, openDial, type TlsOptions } from './transport.ts'
import { copyOf } from './values.ts'
import { type WatchOperations, watchOperations } from './watching.ts'

/** What to authenticate with: `{ scheme: 'digest', auth: 'name:password' }`. */
export interface Credentials {
  readonly scheme: string
  readonly auth: string | Uint8Array
}

/** How a client is to be. Everything has a default that is right for a small cluster. */
export interface ClientOptions {
  /** How long the session outlives its connection; 10 s, and the server has the last word. */
  readonly timeout?: Milliseconds
  /** How long a silent server is believed in; two thirds of the session's time-out, and no more. */
  readonly readTimeout?: Milliseconds
  /** Whether to read from a server that is cut off from its quorum until another is found. */
  readonly readOnly?: boolean
  /** Given on every connection before anything else. */
  readonly credentials?: readonly Credentials[]
  /** Speaks TLS, with these options; plain TCP without. */
  readonly tls?: TlsOptions
  /** How long to rest when every server has failed. */
  readonly backoff?: BackoffPolicy
  /**
   * How long nobody may be reached until the session counts as over: four thirds of its time-out,
   * and no less. Longer, and it may be found again by whoever was without a leader meanwhile.
   */
  readonly patience?: Milliseconds
  /** The longest request: the servers' `jute.maxbuffer`, 1 MiB - 1. */
  readonly requestBytesMost?: number
  /** The longest answer that is taken: 4 MiB. */
  readonly answerBytesMost?: number
  readonly clock?: Clock
  readonly random?: Random
  /** The network; TCP or TLS unless handed in. */
  readonly dial?: Dial
}

/**
 * One session with ZooKeeper, over whatever connections it takes. Operations are answered in the
 * order in which they are asked. Those asked while there is no connection wait for the next one;
 * those whose connection is lost before the answer fail with `connection-loss`, and `maybeApplied`
 * says whether the change may have been made. Nothing is ever repeated on its own.
 *
 * Every operation fails with a `ZooKeeperError`, or with the reason of its `signal` once that is
 * aborted: a change that was sent by then may be made all the same.
 *
 * ```ts
 * await using client = openZooKeeper('zk1:2181,zk2:2181,zk3:2181/shop')
 * await client.create('/greeting', 'hello', { mode: 'ephemeral' })
 * const { data, stat } = await client.getData('/greeting')
 * await client.setData('/greeting', `${data} world`, { version: stat.version })
 * ```
 */
export interface ZooKeeperClient
  extends NodeOperations,
    TransactionOperations,
    WatchOperations,
    AsyncDisposable {
  readonly state: ClientState
  /** Aborted, with a `ZooKeeperError` as its reason, when the session is over for good. */
  readonly over: AbortSignal
  /** Why there is no connection now, or why the last one was lost. */
  readonly lossCause: Error | undefined
  /** Calls `listener` with every new state, until disposed. */
  onState(listener: (state: ClientState) => void): Disposable
  /** Resolves when there is a connection; rejects when the session is over. */
  connected(signal?: AbortSignal): Promise<void>

  /** Authenticates this session, on this and on every later connection. */
  authenticate(credentials: Credentials, signal?: AbortSignal): Promise<void>
  /** As whom the server knows this session. Since 3.7. */
  whoAmI(signal?: AbortSignal): Promise<readonly Id[]>

  /** The ensemble's configuration, as its leader wrote it. */
  getConfig(options?: WatchOptions, signal?: AbortSignal): Promise<NodeData>
  /** Changes who belongs to the ensemble; lists are as in ZooKeeper's own documentation. */
  reconfigure(
    change: {
      readonly joining?: string
      readonly leaving?: string
      readonly members?: string
      readonly fromConfig?: bigint
    },
    signal?: AbortSignal,
  ): Promise<NodeData>
  /** Takes another list of servers, and moves if it should. */
  updateHosts(hosts: string): void
  /**
   * Ends the session, and its ephemeral nodes with it. The same as disposing it. Resolves when the
   * server has said so; or, because whoever leaves must not hang, when the connection is lost or
   * the server has said nothing for two thirds of the time-out, 10 s at most: then the session ends
   * when the server gets to it, or once its time-out is over.
   */
  close(): Promise<void>
}

const defaults = {
  timeout: ms(10_000),
  backoff: { first: ms(50), factor: 2, most: ms(1000), jitter: 0.5 },
  answerBytesMost: 4 * 1024 * 1024,
} as const

/**
 * Opens a session and begins to connect; `connected()` waits until it is. `hosts` is a connect
 * string, `zk1:2181,zk2:2181/chroot`: servers are tried in random order, and all paths are below
 * the chroot, which must exist. Throws a Fault `bad-usage` if it is none.
 */
export function openZooKeeper(hosts: string, options: ClientOptions = {}): ZooKeeperClient {
  const { clock = openClock(), random = openRandom() } = options
  const { hosts: servers, chroot } = parseConnectString(hosts)
  const driver = new Driver({
    policy: {
      timeout: options.timeout ?? defaults.timeout,
      readTimeout: options.readTimeout,
      readOnly: options.readOnly ?? false,
      backoff: options.backoff ?? defaults.backoff,
      patience: options.patience,
    },
    hosts: shuffled(servers, random),
    chroot,
    clock,
    random,
    dial: options.dial ?? openDial(random, options.tls),
    requestBytesMost: options.requestBytesMost ?? frameBytesMost,
    answerBytesMost: options.answerBytesMost ?? defaults.answerBytesMost,
  })
  for (const { scheme, auth } of options.credentials ?? []) {
    // Whether it was taken is seen in the session's state: refused credentials end it.
    driver.authenticate(scheme, Buffer.from(auth), () => {})
  }
  driver.start()
  const asker = openAsker(driver, chroot)
  const rehost = (text: string): void =>
    driver.rehost(shuffled(parseConnectString(text).hosts, random))
  return {
    ...nodeOperations(asker),
    ...transactionOperations(asker),
    ...watchOperations(asker),
    ...sessionOperations(asker, rehost),
    get state() {
      return driver.state
    },
    get lossCause() {
      return driver.lossCause
    },
    over: driver.over,
  }
}

type SessionOperations = Omit<
  ZooKeeperClient,
  | keyof NodeOperations
  | keyof TransactionOperations
  | keyof WatchOperations
  | 'state'
  | 'lossCause'
  | 'over'
>

/** The operations on the session itself, and on the ensemble. */
function sessionOperations(
  { driver, ask }: Asker,
  updateHosts: (hosts: string) => void,
): SessionOperations {
  const close = async (): Promise<void> => {
    const over = new Promise((resolve) => driver.over.addEventListener('abort', resolve))
    driver.close()
    if (!driver.over.aborted) await over
  }
  return {
    updateHosts,
    close,
    [Symbol.asyncDispose]: close,
    onState: (listener) => driver.onState(listener),
    connected: (signal) => connected(driver, signal),
    authenticate: ({ scheme, auth }, signal) =>
      abortable(signal, (resolve, reject) =>
        driver.authenticate(scheme, Buffer.from(auth), (error) =>
          error === undefined ? resolve() : reject(error),
        ),
      ),
    whoAmI: (signal) =>
      ask(
        {
          name: 'whoAmI',
          verb: 'ask who we are',
          request: () => undefined,
          take: ({ clientInfo }) =>
            clientInfo.map(({ authScheme, user }) => ({ scheme: authScheme, id: user })),
        },
        signal,
      ),
    getConfig: ({ watch } = {}, signal) =>
      ask(
        {
          name: 'getData',
          verb: 'read the configuration',
          watch,
          watches: { there: 'data' },
          request: () => ({ path: configNode, watch: watch !== undefined }),
          take: ({ data, stat }) => ({ data: copyOf(data), stat }),
        },
        signal,
      ),
    reconfigure: ({ joining = '', leaving = '', members = '', fromConfig = -1n }, signal) =>
      ask(
        {
          name: 'reconfig',
          verb: 'change the ensemble',
          changes: true,
          request: () => ({
            joiningServers: joining,
            leavingServers: leaving,
            newMembers: members,
            curConfigId: fromConfig,
          }),
          take: ({ data, stat }) => ({ data: copyOf(data), stat }),
        },
        signal,
      ),
  }
}

/** Where an ensemble keeps its configuration; the same under every chroot (ZooDefs.java). */
const configNode = '/zookeeper/config'

function connected(driver: Driver, signal: AbortSignal | undefined): Promise<void> {
  if (driver.state.kind === 'connected') return Promise.resolve()
  const ended = signal === undefined ? driver.over : AbortSignal.any([signal, driver.over])
  let watching: Disposable | undefined
  return abortable(ended, (resolve) => {
    watching = driver.onState(({ kind }) => {
      if (kind === 'connected') resolve()
    })
  }).finally(() => watching?.[Symbol.dispose]())
}

/** A promise that rejects with the signal's reason, should that come first. */
function abortable(
  signal: AbortSignal | undefined,
  begin: (resolve: () => void, reject: (reason: unknown) => void) => void,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    signal?.throwIfAborted()
    const abort = (): void => reject(signal?.reason)
    const release = (): void => signal?.removeEventListener('abort', abort)
    signal?.addEventListener('abort', abort)
    begin(
      () => {
        release()
        resolve()
      },
      (reason) => {
        release()
        reject(reason)
      },
    )
  })
}
