// One connection to a server, whose every question ends with its signal: also when the server is
// stopped where it is, and never answers.

import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import pg from 'pg'
import { Fault } from '../../../foundation/fault.ts'
import type { Account } from '../../engine.ts'
import { type MachineCertificate, tlsTo } from '../../member-tls.ts'

/** Where, as whom, and for what. */
export interface Door {
  /** A host, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly account: Account
  readonly database: string
  /** `database`: understands commands of replication beside SQL. `true`: those alone. */
  readonly replication?: 'database' | 'true' | undefined
  /** Shown to the server, which has to show one of the same cluster; `undefined`: no TLS. */
  readonly tls?: MachineCertificate | undefined
}

/** One row, by names of columns. */
export type Row = Readonly<Record<string, unknown>>

/** A failure that the server named: its SQLSTATE. */
export const sqlState = (thrown: unknown): string | undefined => {
  const code = (thrown as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/** What our own sessions are kept from: names that a user put before those of the catalogue. */
const startup = '-c search_path=pg_catalog -c default_transaction_read_only=off'

export class Session implements Disposable {
  readonly client: pg.Client
  readonly #socket: Socket
  #isOver = false

  private constructor(client: pg.Client, socket: Socket) {
    this.client = client
    this.#socket = socket
    const end = (): void => {
      this.#isOver = true
    }
    client.on('error', end)
    client.on('end', end)
    socket.on('close', end)
  }

  /** Rejects with what the server or the system says, or with a `Fault` once `signal` ends it. */
  static async open(door: Door, signal: AbortSignal): Promise<Session> {
    const socket = new Socket()
    const { user, password } = door.account
    const client = new pg.Client({
      host: door.host,
      port: door.port,
      user,
      password,
      database: door.database,
      application_name: 'alwayson',
      options: door.replication === 'true' ? undefined : startup,
      stream: () => socket,
      ssl: door.tls === undefined ? false : tlsTo(door.host, door.tls),
      ...(door.replication === undefined ? {} : { replication: door.replication }),
    } as pg.ClientConfig)
    const session = new Session(client, socket)
    await session.#within(signal, () => client.connect())
    return session
  }

  /** What the protocol is spoken on: under TLS that is not the socket. */
  get stream(): Duplex {
    const { connection } = this.client as unknown as { readonly connection: pg.Connection }
    return connection.stream
  }

  /** No question is answered on it any more. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** The rows of one statement. */
  async query(
    text: string,
    signal: AbortSignal,
    values?: readonly unknown[],
  ): Promise<readonly Row[]> {
    const ask = (): Promise<pg.QueryResult<Row>> =>
      values === undefined
        ? this.client.query<Row>(text)
        : this.client.query<Row>(text, [...values])
    return (await this.#within(signal, ask)).rows
  }

  /** Several statements as one question: all of them are done, or none. They take no values. */
  async run(statements: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#within(signal, () => this.client.query(statements.join(';\n')))
  }

  /** The only row of one statement. */
  async row(text: string, signal: AbortSignal, values?: readonly unknown[]): Promise<Row> {
    return (await this.query(text, signal, values))[0] ?? {}
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    // A server that hears nobody would not answer a farewell either.
    this.#socket.destroy()
  }

  async #within<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const end = (): void => this[Symbol.dispose]()
    const over = (): Fault =>
      new Fault('timed-out', 'PostgreSQL did not answer in time', { cause: signal.reason })
    if (signal.aborted) {
      end()
      // A socket that has been destroyed would be connected all the same, and nobody would end it.
      throw over()
    }
    signal.addEventListener('abort', end, { once: true })
    try {
      return await work()
    } catch (thrown) {
      throw signal.aborted ? over() : thrown
    } finally {
      signal.removeEventListener('abort', end)
    }
  }
}

/** A session that is opened when it is needed first, and anew when it has ended. */
export class KeptSession implements Disposable {
  readonly #open: (signal: AbortSignal) => Promise<Session>
  #session: Session | undefined

  constructor(open: (signal: AbortSignal) => Promise<Session>) {
    this.#open = open
  }

  async get(signal: AbortSignal): Promise<Session> {
    const kept = this.#alive
    if (kept !== undefined) return kept
    const opened = await this.#open(signal)
    // Somebody else may have asked for it meanwhile.
    const other = this.#alive
    if (other === undefined) this.#session = opened
    else opened[Symbol.dispose]()
    return other ?? opened
  }

  get #alive(): Session | undefined {
    return this.#session?.isOver === true ? undefined : this.#session
  }

  [Symbol.dispose](): void {
    this.#session?.[Symbol.dispose]()
  }
}
