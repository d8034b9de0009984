// Reads what a PostgreSQL has to be compared with another. All members are copies page by page, so
// a table is compared by its pages: any range of them has the same rows everywhere.

import { Fault } from '../../../foundation/fault.ts'
import { type Instant, ms } from '../../../foundation/time.ts'
import { type MemberReader, type OpenReader, Unreadable } from '../../compare/engine.ts'
import type { ComparedTable, RowSums, Stretch, StretchSum } from '../../compare/model.ts'
import type { DatabaseAccounts, MemberAddress } from '../../engine.ts'
import type { DialTls } from '../../member-tls.ts'
import { parseLsn } from './lsn.ts'
import { pauseFor } from './patience.ts'
import { ReplicationDoor } from './replication-door.ts'
import { type Row, type Session, sqlState } from './session.ts'

const pageBytes = 8192
/** 2 MiB: read within a moment, also by a busy server. */
const pagesAtOnce = 256
const pollEvery = ms(20)
/** A replica that is further behind than this is not waited for. */
const reachedWithin = ms(60_000)
/** A replica ends a query that keeps the log from being applied: it is asked again. */
const conflictsMost = 20

/** States that say that data are damaged (error codes docs, class XX), or what reads them is. */
const damage = new Set(['XX000', 'XX001', 'XX002', '22021', '22P05', '58P01', '58030'])

const quietly = [
  'SET default_transaction_read_only = on',
  'SET max_parallel_workers_per_gather = 0',
  'SET statement_timeout = 0',
  // What is compared is text: it has to be written in one way.
  "SET datestyle = 'ISO'",
  "SET timezone = 'UTC'",
  'SET extra_float_digits = 1',
  "SET bytea_output = 'hex'",
]

const tablesOf = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_relation_size(c.oid)::text AS bytes
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND c.relispopulated
     AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'alwayson')
   ORDER BY 1`

const keyOf = `
  SELECT string_agg(format('%L || t.%I::text', a.attname || '=', a.attname),
                    ' || '', '' || ' ORDER BY k.n) AS key
    FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY k (attnum, n)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
   WHERE i.indisprimary AND i.indrelid = $1::regclass`

class PostgresReader implements MemberReader {
  readonly #door: ReplicationDoor
  readonly #member: MemberAddress
  readonly #sessions = new Map<string, Session>()
  readonly #keys = new Map<string, string>()

  constructor(door: ReplicationDoor, member: MemberAddress) {
    this.#door = door
    this.#member = member
  }

  async tables(signal: AbortSignal): Promise<readonly ComparedTable[]> {
    const databases = await (await this.#session('postgres', signal)).query(
      'SELECT datname AS name FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1',
      signal,
    )
    const found: ComparedTable[] = []
    for (const { name: database } of databases) {
      const session = await this.#session(String(database), signal)
      for (const { name, bytes } of await session.query(tablesOf, signal)) {
        const id = JSON.stringify([database, name])
        found.push({ name: `${database}.${name}`, id, bytes: Number(bytes) })
      }
    }
    return found
  }

  async *stretches({ bytes }: ComparedTable): AsyncIterable<Stretch> {
    const pages = Math.ceil(bytes / pageBytes)
    for (let from = 0; from === 0 || from < pages; from += pagesAtOnce) {
      const to = from + pagesAtOnce
      const isLast = to >= pages
      yield {
        from: String(from),
        to: isLast ? undefined : String(to),
        bytes: (Math.min(to, pages) - from) * pageBytes,
      }
    }
  }

  async sum(table: ComparedTable, stretch: Stretch, signal: AbortSignal): Promise<StretchSum> {
    const [row] = await this.#read(
      table,
      (name) =>
        `SELECT count(*)::text AS rows, sum(hashtextextended(t::text, 0))::text AS sum
           FROM ${name} t WHERE ${within(stretch)}`,
      signal,
    )
    return { rows: Number(row?.rows), sum: String(row?.sum) }
  }

  async rows(table: ComparedTable, stretch: Stretch, signal: AbortSignal): Promise<RowSums> {
    const key = await this.#key(table, signal)
    const rows = await this.#read(
      table,
      (name) =>
        `SELECT ${key} AS name, hashtextextended(t::text, 0)::text AS sum
           FROM ${name} t WHERE ${within(stretch)} ORDER BY t.ctid`,
      signal,
    )
    return new Map(rows.map(({ name, sum }) => [String(name), String(sum)]))
  }

  async position(signal: AbortSignal): Promise<string> {
    const session = await this.#session('postgres', signal)
    const { at } = await session.row('SELECT pg_current_wal_flush_lsn()::text AS at', signal)
    return String(at)
  }

  async reaches(position: string, signal: AbortSignal): Promise<void> {
    const session = await this.#session('postgres', signal)
    const goal = parseLsn(position) ?? 0
    const begun = this.#door.now()
    for (;;) {
      const row = await session.row('SELECT pg_last_wal_replay_lsn()::text AS at', signal)
      const at = parseLsn(String(row.at))
      if (at === undefined || at >= goal) return
      if (this.#door.now() - begun > reachedWithin) {
        throw new Fault('timed-out', `${this.#member.member} is too far behind`, {
          remedy: `alwayson why ${this.#member.member}`,
        })
      }
      await pauseFor(pollEvery, signal)
    }
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions.values()) session[Symbol.dispose]()
    this.#sessions.clear()
  }

  async #session(database: string, signal: AbortSignal): Promise<Session> {
    const open = this.#sessions.get(database)
    if (open !== undefined && !open.isOver) return open
    const session = await this.#door.openSql(this.#member, signal, database)
    for (const statement of quietly) await session.query(statement, signal)
    this.#sessions.set(database, session)
    return session
  }

  /** What a person finds a row by: its primary key, or its place. */
  async #key(table: ComparedTable, signal: AbortSignal): Promise<string> {
    const known = this.#keys.get(table.id)
    if (known !== undefined) return known
    const [database, name] = JSON.parse(table.id) as [string, string]
    const session = await this.#session(database, signal)
    const { key } = await session.row(keyOf, signal, [name])
    const found = typeof key === 'string' ? key : `'ctid=' || t.ctid::text`
    this.#keys.set(table.id, found)
    return found
  }

  async #read(
    { id }: ComparedTable,
    text: (name: string) => string,
    signal: AbortSignal,
  ): Promise<readonly Row[]> {
    const [database, name] = JSON.parse(id) as [string, string]
    for (let conflicts = 0; ; conflicts += 1) {
      const session = await this.#session(database, signal)
      try {
        return await session.query(text(name), signal)
      } catch (thrown) {
        const state = sqlState(thrown)
        const isConflict = state === '40001' || state === '40P01'
        if (isConflict && conflicts < conflictsMost) {
          await pauseFor(pollEvery, signal)
          continue
        }
        if (state !== undefined && damage.has(state)) throw new Unreadable(String(thrown))
        // It was dropped meanwhile: nothing of it is left to compare.
        if (state === '42P01' || state === '3F000') return []
        throw thrown
      }
    }
  }
}

const within = ({ from, to }: Stretch): string => {
  const least = `t.ctid >= '(${from ?? 0},0)'`
  return to === undefined ? least : `${least} AND t.ctid < '(${to},0)'`
}

/** Opens members to be read, as the account that copies them. */
export const openPostgresReader =
  (accounts: DatabaseAccounts, now: () => Instant, tls?: DialTls): OpenReader =>
  async (member) =>
    new PostgresReader(new ReplicationDoor(accounts.replication, now, tls), member)
