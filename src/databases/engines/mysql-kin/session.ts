// One connection to a server of MariaDB or MySQL: statements that end with a signal, and errors by
// number.

import type { Socket } from 'node:net'
import { checkServerIdentity, type TLSSocket } from 'node:tls'
import { type Connection, type ConnectionOptions, createConnection } from 'mysql2'
import { Fault, systemCode } from '../../../foundation/fault.ts'
import type { Account } from '../../engine.ts'
import { type DialTls, type MachineCertificate, tlsTo } from '../../member-tls.ts'
import type { Bind } from '../../model.ts'

/** A row by names of columns. */
export type Row = Readonly<Record<string, unknown>>

/** Where a server is reached: over the network, or by its socket. */
export type Target =
  /** With `tls`, that is shown to the server, which has to show one of the same cluster. */
  (Bind & { readonly tls?: MachineCertificate | undefined }) | { readonly socket: string }

/** A member as it is reached from another one. */
export const reached = ({ host, port }: Bind, tls: DialTls | undefined): Target => ({
  ...{ host, port, tls: tls?.() },
})

/** What the server's errors mean; their numbers are part of its protocol. */
export const errors = {
  accessDenied: 1045,
  noSuchThread: 1094,
  noSuchTable: 1146,
  noSuchDatabase: 1049,
  masterFatal: 1236,
  readOnly: 1290,
  accessDeniedNoPassword: 1698,
  lockWaitTimeout: 1205,
  insecure: 3159,
} as const

/** The number that the server gave to an error; `undefined` where it was none of the server's. */
export function errnoOf(thrown: unknown): number | undefined {
  const { errno } = (thrown ?? {}) as { errno?: unknown }
  return typeof errno === 'number' && errno > 0 ? errno : undefined
}

/**
 * Whether nobody listens there: the server is stopped, or still starting. Where so many wait at its
 * socket that one more finds no room (EAGAIN), it listens, and hangs.
 */
export const isUnreachable = (thrown: unknown): boolean =>
  (isBroken(thrown) && systemCode(thrown) !== 'EAGAIN') ||
  [
    ...['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'PROTOCOL_CONNECTION_LOST'],
    'unreachable',
  ].includes(systemCode(thrown) ?? '')

/** The connection is over, by the driver's own account: no server has said so. */
const isBroken = (thrown: unknown): boolean =>
  (thrown as { readonly fatal?: unknown } | undefined)?.fatal === true &&
  errnoOf(thrown) === undefined

const lost = (): Fault => new Fault('unreachable', 'the connection to the server was lost')

export class Session implements Disposable {
  readonly #connection: Connection
  /** What is not answered yet: the driver leaves it so where it hears of the end first. */
  readonly #asked = new Set<(reason: Fault) => void>()
  #isOver = false

  private constructor(connection: Connection) {
    this.#connection = connection
    connection.on('error', () => this[Symbol.dispose]())
    connection.on('end', () => this[Symbol.dispose]())
  }

  /** Rejects with the driver's error, whose number `errnoOf` tells, or the signal's reason. */
  static open(
    target: Target,
    account: Account,
    signal: AbortSignal,
    database?: string,
  ): Promise<Session> {
    signal.throwIfAborted()
    const connection = createConnection(optionsOf(target, account, database))
    return withSignal(
      signal,
      () => connection.destroy(),
      new Promise((resolve, reject) => {
        // Later errors belong to statements, and to the session's own listener.
        connection.on('error', reject)
        connection.connect((failed) => {
          const wrong = failed ?? impostorAt(target, connection)
          if (wrong === undefined) return resolve(new Session(connection))
          connection.destroy()
          reject(wrong)
        })
      }),
    )
  }

  /** No statement is taken on it any more. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** The number that the server knows this connection by. */
  get id(): number {
    return this.#connection.threadId ?? 0
  }

  /** Runs one statement. When the signal ends it, the connection goes with it. */
  async query(
    sql: string,
    signal: AbortSignal,
    values: readonly unknown[] = [],
  ): Promise<readonly Row[]> {
    if (this.#isOver) throw lost()
    signal.throwIfAborted()
    return await withSignal(
      signal,
      () => this[Symbol.dispose](),
      new Promise<readonly Row[]>((resolve, reject) => {
        this.#asked.add(reject)
        this.#connection.query({ sql, values: [...values] }, (failed, rows) => {
          this.#asked.delete(reject)
          if (failed === null) return resolve(Array.isArray(rows) ? (rows as Row[]) : [])
          if (failed.fatal) this[Symbol.dispose]()
          reject(failed)
        })
      }),
    )
  }

  /**
   * Sends one packet of the protocol as it is, and resolves to the first bytes that come back. The
   * connection is good for nothing else from then on.
   */
  async exchange(packet: Buffer, signal: AbortSignal): Promise<Buffer> {
    signal.throwIfAborted()
    const { stream } = this.#connection as unknown as { readonly stream: Socket }
    stream.removeAllListeners('data')
    const answer = new Promise<Buffer>((resolve, reject) => {
      stream.once('data', resolve)
      stream.once('error', reject)
      stream.once('close', () => reject(new Fault('unreachable', 'the connection was closed')))
    })
    stream.write(packet)
    return await withSignal(signal, () => this[Symbol.dispose](), answer)
  }

  /**
   * Sends one packet of the protocol as it is; what comes back is the caller's to read, and the
   * connection is good for nothing else. It ends with the session.
   */
  takeOver(packet: Buffer): Socket {
    const { stream } = this.#connection as unknown as { readonly stream: Socket }
    stream.removeAllListeners('data')
    stream.write(packet)
    return stream
  }

  /** The first row; rejects with a Fault where there is none. */
  async one(sql: string, signal: AbortSignal, values: readonly unknown[] = []): Promise<Row> {
    const [row] = await this.query(sql, signal, values)
    if (row === undefined) throw new Fault('failed', 'the server gave no answer to a question')
    return row
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#connection.destroy()
    for (const reject of this.#asked) reject(lost())
    this.#asked.clear()
  }
}

/**
 * The driver sees that the certificate is of the cluster, and compares names; addresses it does
 * not.
 */
function impostorAt(target: Target, connection: Connection): Error | undefined {
  if ('socket' in target || target.tls === undefined) return undefined
  const { stream } = connection as unknown as { readonly stream: TLSSocket }
  return checkServerIdentity(target.host, stream.getPeerCertificate())
}

function optionsOf(
  target: Target,
  { user, password }: Account,
  database: string | undefined,
): ConnectionOptions {
  return {
    ...('socket' in target
      ? { socketPath: target.socket }
      : { host: target.host, port: target.port, ...securedAt(target) }),
    user,
    password,
    ...(database === undefined ? {} : { database }),
    connectTimeout: 30_000,
    supportBigNumbers: true,
    dateStrings: true,
  }
}

const securedAt = ({ host, tls }: Bind & { readonly tls?: MachineCertificate | undefined }) =>
  tls === undefined ? {} : { ssl: { ...tlsTo(host, tls), rejectUnauthorized: true } }

/** Settles as `work` does, or rejects with the signal's reason after `end`. */
function withSignal<Value>(
  signal: AbortSignal,
  end: () => void,
  work: Promise<Value>,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      end()
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** A text as a literal in a statement that takes no values: `CHANGE MASTER TO` and its like. */
export const literal = (text: string): string => `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`

/** A name as an identifier in a statement. */
export const identifier = (name: string): string => `\`${name.replaceAll('`', '``')}\``
