// One session with either database, as little as a benchmark needs.

import mysql from 'mysql2/promise'
import pg from 'pg'

/** Where a client connects to, and as whom. */
export interface Target {
  readonly engine: 'postgresql' | 'mariadb'
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/** An open session. */
export interface Session {
  run(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  end(): Promise<void>
}

/** A client waits so long for a connection: longer than anything is held. */
const connectWithin = 60_000

/** Opens a session; rejects with what the driver says. */
export const sessionOf = (target: Target): Promise<Session> =>
  target.engine === 'postgresql' ? postgresql(target) : mariadb(target)

async function postgresql({ engine: _, ...target }: Target): Promise<Session> {
  const client = new pg.Client({ ...target, connectionTimeoutMillis: connectWithin })
  // What breaks between two statements is told by the next one.
  client.on('error', () => undefined)
  await client.connect()
  return {
    run: async (text) => (await client.query(text)).rows,
    end: () => client.end().catch(() => undefined),
  }
}

async function mariadb({ engine: _, ...target }: Target): Promise<Session> {
  const client = await mysql.createConnection({ ...target, connectTimeout: connectWithin })
  client.on('error', () => undefined)
  return {
    run: async (text) => (await client.query(text))[0] as Readonly<Record<string, unknown>>[],
    end: async () => client.destroy(),
  }
}
