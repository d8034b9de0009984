// Changes what one member has behind the back of replication: one row is another, one is gone.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Session, sessionOf } from '../../bench/failover/session.ts'
import { databaseFolders } from '../../src/agent/database-folders.ts'
import { isAlive, signalProcess } from '../../src/control/processes.ts'
import { accountsOf } from '../../src/databases/passwords.ts'
import { alterRow } from '../engines/damaged-page.ts'
import { until } from '../engines/waiting.ts'
import { type Place, patience } from './place.ts'

/** The rows of `entries` that a replica has otherwise afterwards, and has no more. */
export interface Tampered {
  readonly changed: number
  readonly lost: number
}

/** What the application wrote in the row of this id. */
export const textOf = (id: number): string => `row <${id}>`

/** A session of Always On's own account with a member, where that has it. */
async function asOurselves(place: Place, member: string): Promise<Session> {
  const secret = readFileSync(join(place.state, 'databases', 'secret'), 'utf8')
  const named = { name: 'orders', app: { user: 'orders', database: 'orders' } }
  const { admin } = accountsOf(named as Parameters<typeof accountsOf>[0], secret)
  const address = place.member(await place.look(), member)?.address ?? ''
  const port = Number(address.split(':').at(-1))
  const { run } = databaseFolders(place.state, process.getuid?.() === 0)
  const host = place.engine === 'postgresql' ? join(run, member) : '127.0.0.1'
  return await sessionOf({ engine: place.engine, host, port, ...admin, database: 'orders' })
}

/** Has `member`, a replica, differ from its primary in these rows of `entries`. */
export function tamper(place: Place, member: string, rows: Tampered): Promise<void> {
  return place.engine === 'mariadb'
    ? writeUnlogged(place, member, rows)
    : damage(place, member, rows)
}

async function writeUnlogged(place: Place, member: string, rows: Tampered): Promise<void> {
  const session = await asOurselves(place, member)
  await session.run('SET SESSION sql_log_bin = OFF')
  await session.run(`UPDATE entries SET text = 'other' WHERE id = ${rows.changed}`)
  await session.run(`DELETE FROM entries WHERE id = ${rows.lost}`)
  await session.end()
}

/**
 * A replica of PostgreSQL takes no writes: its server is ended while no agent is there to start it
 * again, and its pages are changed on the disk, with sums that fit.
 */
async function damage(place: Place, member: string, rows: Tampered): Promise<void> {
  const { primary = '' } = await place.well()
  const admin = await asOurselves(place, primary)
  const [found] = await admin.run("SELECT pg_relation_filepath('entries') AS path")
  // A server that starts applies what came after a checkpoint, and whoever changes a page after one
  // sends it whole: either would mend it.
  await admin.run('VACUUM FREEZE entries')
  await admin.run('CHECKPOINT')
  const [{ at } = {}] = await admin.run('SELECT pg_current_wal_flush_lsn()::text AS at')
  const replica = await asOurselves(place, member)
  await until(
    'the replica has applied that',
    async () => {
      const [row] = await replica.run(`SELECT pg_last_wal_replay_lsn() >= '${at}' AS has`)
      return row?.has === true
    },
    patience,
  )
  // The checkpoint of a replica: from there on it applies the log when it starts.
  await replica.run('CHECKPOINT')
  await replica.end()
  await admin.end()
  await place.crash()
  const { server } = place.record(member)
  assert.ok(server !== undefined)
  signalProcess(server, 'SIGINT')
  await until('the replica has ended', () => !isAlive(server), patience)
  const path = join(place.data, member, String(found?.path))
  alterRow(path, textOf(rows.changed), 'a letter', true)
  alterRow(path, textOf(rows.lost), 'the row', true)
  await place.up()
  await place.well()
  assert.equal((await place.look())?.primary, primary)
}
