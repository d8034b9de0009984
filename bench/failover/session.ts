// One session with either database, as little as a benchmark needs.

import mysql from 'mysql2/promise'
import pg from 'pg'
import { epochOf } from '../../src/databases/engines/mariadb/gtid.ts'

/** Where a client connects to, and as whom. */
export interface Target {
  readonly engine: 'postgresql' | 'mariadb'
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/** Who acknowledged, by its own word in the same transaction. */
export interface Acknowledged {
  readonly server: string
  readonly epoch: number
}

type Rows = readonly Readonly<Record<string, unknown>>[]

/** An open session. */
export interface Session {
  run(text: string): Promise<Rows>
  /** Writes one row, in a transaction of its own. */
  insert(table: string, id: number): Promise<Acknowledged>
  /** Begins a transaction that is as if it ran alone. */
  begin(): Promise<void>
  end(): Promise<void>
}

/** A client waits so long for a connection: longer than anything is held. */
const connectWithin = 60_000

/** Whether the server has said that it undid the transaction: nothing else is that certain. */
export function isGivenUp(thrown: unknown): boolean {
  const { code, errno } = (thrown ?? {}) as { readonly code?: unknown; readonly errno?: unknown }
  // Serialization failure and deadlock: of PostgreSQL by SQLSTATE, of MariaDB by number.
  return code === '40001' || code === '40P01' || errno === 1213
}

/** Opens a session; rejects with what the driver says. */
export const sessionOf = (target: Target): Promise<Session> =>
  target.engine === 'postgresql' ? postgresql(target) : mariadb(target)

/** The timeline rises with every promotion, and is in the name of the log that is written to. */
const postgresqlSelf = `current_setting('cluster_name') AS server,
  ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int AS epoch`

async function postgresql({ engine: _, ...target }: Target): Promise<Session> {
  const client = new pg.Client({ ...target, connectionTimeoutMillis: connectWithin })
  // What breaks between two statements is told by the next one.
  client.on('error', () => undefined)
  await client.connect()
  return {
    run: async (text) => (await client.query(text)).rows,
    async insert(table, id) {
      const text = `INSERT INTO ${table} (id) VALUES (${id}) RETURNING ${postgresqlSelf}`
      const { rows } = await client.query(text)
      return { server: String(rows[0]?.server), epoch: Number(rows[0]?.epoch) }
    },
    async begin() {
      await client.query('BEGIN ISOLATION LEVEL SERIALIZABLE')
    },
    end: () => client.end().catch(() => undefined),
  }
}

async function mariadb({ engine: _, ...target }: Target): Promise<Session> {
  const client = await mysql.createConnection({ ...target, connectTimeout: connectWithin })
  client.on('error', () => undefined)
  const run = async (text: string): Promise<Rows> => (await client.query(text))[0] as Rows
  return {
    run,
    async insert(table, id) {
      const text = `INSERT INTO ${table} (id) VALUES (${id}) RETURNING @@global.server_id AS server`
      const server = Number((await run(text))[0]?.server)
      return { server: String(server), epoch: epochOf(server) }
    },
    async begin() {
      await run('SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE')
      await run('BEGIN')
    },
    end: async () => client.destroy(),
  }
}
