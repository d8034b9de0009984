// Reads what a MariaDB or MySQL has to be compared with another: rows by their primary key, since
// two members have the same rows, and not the same pages.

import { setTimeout as pause } from 'node:timers/promises'
import { Fault } from '../../../foundation/fault.ts'
import { type MemberReader, type OpenReader, Unreadable } from '../../compare/engine.ts'
import type { ComparedTable, RowSums, Stretch, StretchSum } from '../../compare/model.ts'
import type { DatabaseAccounts, MemberAddress } from '../../engine.ts'
import type { DialTls } from '../../member-tls.ts'
import { ownDatabase } from './kin.ts'
import { errnoOf, identifier, type Row, reached, Session } from './session.ts'

/** Read within a moment, also by a busy server. */
const rowsAtOnce = 5000
/** A replica that is further behind than this is not waited for, in seconds. */
export const reachedWithin = 60

/** What the server says of data that it cannot read: crashed tables, bad rows, checksums. */
const damage = new Set([126, 127, 134, 145, 180, 192, 1030, 1034, 1035, 1194, 1195, 1712, 1877])
/** The table, or its database, is gone. */
const gone = new Set([1049, 1146])

/** What is compared is text: it has to be written in one way. */
const quietly = [
  'SET SESSION TRANSACTION READ ONLY',
  "SET SESSION time_zone = '+00:00'",
  'SET NAMES utf8mb4',
]

/** In what the two differ. */
export interface ReaderDialect {
  /** Lets a statement take as long as it takes. */
  readonly endless: string
  /** Of a row of `information_schema.COLUMNS`: the column is not made of others. */
  readonly isStored: string
  /** What has been written, for `reaches`. */
  readonly position: string
  /** Resolves to whether what was written before that position is there in time. */
  reaches(session: Session, position: string, signal: AbortSignal): Promise<boolean>
}

interface Place {
  readonly database: string
  readonly table: string
  readonly key: readonly string[]
  readonly columns: readonly string[]
}

class KinReader implements MemberReader {
  readonly #session: Session
  readonly #member: string
  readonly #dialect: ReaderDialect

  constructor(session: Session, member: string, dialect: ReaderDialect) {
    this.#session = session
    this.#member = member
    this.#dialect = dialect
  }

  async tables(signal: AbortSignal): Promise<readonly ComparedTable[]> {
    const rows = await this.#session.query(
      `SELECT TABLE_SCHEMA AS d, TABLE_NAME AS t, COALESCE(DATA_LENGTH, 0) AS bytes
         FROM information_schema.TABLES
        WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA NOT IN
          ('mysql', 'information_schema', 'performance_schema', 'sys', '${ownDatabase}')
        ORDER BY 1, 2`,
      signal,
    )
    const found: ComparedTable[] = []
    for (const { d, t, bytes } of rows) {
      const [database, table] = [String(d), String(t)]
      const columns = await this.#names(columnsOf(this.#dialect), database, table, signal)
      const key = await this.#names(keyOf, database, table, signal)
      const place: Place = { database, table, columns, key }
      found.push({
        ...{ name: `${database}.${table}`, id: JSON.stringify(place), bytes: Number(bytes) },
      })
    }
    return found
  }

  async #names(question: string, database: string, table: string, signal: AbortSignal) {
    const rows = await this.#session.query(question, signal, [database, table])
    return rows.map(({ name }) => String(name))
  }

  /** By the values of the key where one stretch ends; all at once where there is no key. */
  async *stretches(table: ComparedTable, signal: AbortSignal): AsyncIterable<Stretch> {
    const { database, table: name, key } = JSON.parse(table.id) as Place
    const parts = Math.max(1, Math.ceil(table.bytes / 2 ** 20))
    const bytes = Math.ceil(table.bytes / parts)
    let from: string | undefined
    for (;;) {
      const to = key.length === 0 ? undefined : await this.#end(database, name, key, from, signal)
      yield { from, to, bytes }
      if (to === undefined) return
      from = to
    }
  }

  async #end(
    database: string,
    table: string,
    key: readonly string[],
    from: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const names = key.map(identifier).join(', ')
    const [row] = await this.#session.query(
      `SELECT ${key.map(literalOf).join(', ')}
         FROM ${identifier(database)}.${identifier(table)}
        WHERE ${from === undefined ? '1' : `(${names}) > ${from}`}
        ORDER BY ${names} LIMIT 1 OFFSET ${rowsAtOnce - 1}`,
      signal,
    )
    return row === undefined ? undefined : `(${Object.values(row).map(String).join(', ')})`
  }

  async sum(table: ComparedTable, stretch: Stretch, signal: AbortSignal): Promise<StretchSum> {
    const place = JSON.parse(table.id) as Place
    const [row] = await this.#read(
      `SELECT COUNT(*) AS n, COALESCE(SUM(h), 0) AS sum FROM (
         SELECT ${hash(place)} AS h FROM ${nameOf(place)}
          WHERE ${within(place, stretch)}) AS rows_`,
      signal,
    )
    return { rows: Number(row?.n ?? 0), sum: String(row?.sum ?? 0) }
  }

  async rows(table: ComparedTable, stretch: Stretch, signal: AbortSignal): Promise<RowSums> {
    const place = JSON.parse(table.id) as Place
    const named = place.key.length === 0 ? place.columns : place.key
    const name = named
      .map((each) => `CONCAT(${quoted(`${each}=`)}, ${literalOf(each)})`)
      .join(", ', ', ")
    const rows = await this.#read(
      `SELECT CONCAT(${name}) AS name, ${hash(place)} AS sum
         FROM ${nameOf(place)} WHERE ${within(place, stretch)}
        ${place.key.length === 0 ? '' : `ORDER BY ${place.key.map(identifier).join(', ')}`}`,
      signal,
    )
    const sums = new Map<string, string>()
    // Rows without a key may be there more than once.
    for (const { name: each, sum } of rows) {
      const before = sums.get(String(each))
      sums.set(String(each), before === undefined ? String(sum) : `${before}+`)
    }
    return sums
  }

  async position(signal: AbortSignal): Promise<string> {
    const { at } = await this.#session.one(`SELECT ${this.#dialect.position} AS at`, signal)
    return String(at)
  }

  async reaches(position: string, signal: AbortSignal): Promise<void> {
    if (position === '') return
    if (await this.#dialect.reaches(this.#session, position, signal)) return
    throw new Fault('timed-out', `${this.#member} is too far behind`, {
      remedy: `alwayson why ${this.#member}`,
    })
  }

  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]()
  }

  async #read(text: string, signal: AbortSignal): Promise<readonly Row[]> {
    // Between two it is left to others: a lock of a change of tables is not waited for by it.
    await pause(0, undefined, { signal })
    try {
      return await this.#session.query(text, signal)
    } catch (thrown) {
      const number = errnoOf(thrown)
      if (number !== undefined && damage.has(number)) throw new Unreadable(String(thrown))
      if (number !== undefined && gone.has(number)) return []
      throw thrown
    }
  }
}

const columnsOf = ({ isStored }: ReaderDialect): string => `
  SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS
   WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND ${isStored} ORDER BY ORDINAL_POSITION`

const keyOf = `
  SELECT COLUMN_NAME AS name FROM information_schema.STATISTICS
   WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX`

const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`

const nameOf = ({ database, table }: Place): string =>
  `${identifier(database)}.${identifier(table)}`

/**
 * A value as a statement has it. What is no text would be another one once it was read as text: a
 * stretch could end where it begins, and rows could have one name.
 */
const literalOf = (column: string): string => {
  const [name, text] = [identifier(column), `QUOTE(${identifier(column)})`]
  const bytes = `COALESCE(CONCAT('x''', HEX(${name}), ''''), 'NULL')`
  return `CONVERT(IF(CHARSET(${text}) = 'binary', ${bytes}, ${text}) USING utf8mb4)`
}

/**
 * 64 bits of a row; NULL is told from what looks like it. Each value is hashed for itself: all of
 * them as one text could be longer than a server lets one be, which makes it NULL.
 */
const hash = ({ columns }: Place): string =>
  `CAST(CONV(SUBSTR(MD5(CONCAT_WS(',', ${columns
    .map((each) => `COALESCE(MD5(${identifier(each)}), 'NULL')`)
    .join(', ')})), 1, 15), 16, 10) AS UNSIGNED)`

const within = ({ key }: Place, { from, to }: Stretch): string => {
  const names = key.map(identifier).join(', ')
  const parts = [
    ...(from === undefined ? [] : [`(${names}) > ${from}`]),
    ...(to === undefined ? [] : [`(${names}) <= ${to}`]),
  ]
  return parts.length === 0 ? '1' : parts.join(' AND ')
}

/** Opens members to be read, as Always On's own account. */
export const readerBy =
  (dialect: ReaderDialect, accounts: DatabaseAccounts, tls: DialTls | undefined): OpenReader =>
  async (member: MemberAddress, signal) => {
    const session = await Session.open(reached(member, tls), accounts.admin, signal)
    const reader = new KinReader(session, member.member, dialect)
    for (const each of [...quietly, dialect.endless]) await session.query(each, signal)
    return reader
  }
