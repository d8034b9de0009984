// How a member of MariaDB comes to its first data while nobody can acknowledge what clients write:
// the one that is copied may be the one that all of them wait for.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  accounts,
  anyOf,
  patience,
  Scene,
  type Seat,
  type Session,
  soon,
} from '../conformance/database-scene.ts'
import { insert, type Pending, pending } from '../conformance/database-watch.ts'
import { mariadb } from './mariadb-member.ts'
import { until } from './waiting.ts'

/** A connection as the administrator. */
const admin = (scene: Scene, name: string): Promise<Session> =>
  mariadb.connect(scene.seat(name).options.address, accounts.admin, 'shop')

/** m1 serves alone with a table in it, and has yet to find those that are to acknowledge. */
async function alone(scene: Scene): Promise<void> {
  const [first] = scene.seats
  assert.ok(first !== undefined)
  await scene.initialise(first)
  await first.engine.promote({ epoch: 1, acks: { members: [], needed: 0 } }, soon())
  await scene.query(
    'm1',
    `CREATE TABLE entries
    (id INT PRIMARY KEY, note VARCHAR(80)) CHARACTER SET utf8mb4`,
  )
}

/** The second commit that waits holds the log; so these wait as clients' writes do. */
async function writeInVain(scene: Scene, ...ids: readonly number[]): Promise<readonly Pending[]> {
  const writes = ids.map((id) => pending(scene.query('m1', insert(id))))
  await using session = await admin(scene, 'm1')
  await until(
    'a commit waits for an acknowledgement, and another one behind it',
    async () => {
      const rows = await session.query('SELECT STATE AS state FROM information_schema.PROCESSLIST')
      const states = rows.map(({ state }) => String(state))
      return (
        states.some((state) => state.startsWith('Waiting for semi-sync')) &&
        states.some((state) => state.startsWith('Writing to binlog') || state === 'Commit')
      )
    },
    patience,
  )
  assert.ok(writes.every(({ done }) => !done()))
  return writes
}

/** Everything that a copy has to hold, in one text. */
async function contentOf(scene: Scene, name: string): Promise<string> {
  await using session = await admin(scene, name)
  const parts = []
  for (const sql of [
    'SELECT id, HEX(note) FROM entries ORDER BY id',
    'SELECT id, HEX(bytes), doubled FROM things ORDER BY id',
    'SELECT * FROM both_of_them ORDER BY id',
    'SELECT twice(21) AS twice',
    "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'shop'",
    "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'shop'",
    "SELECT User, Priv FROM mysql.global_priv WHERE User IN ('orders', 'reader') ORDER BY User",
  ]) {
    parts.push(await session.query(sql))
  }
  return JSON.stringify(parts, undefined, 1)
}

const everything = [
  `CREATE TABLE things (id INT PRIMARY KEY, bytes LONGBLOB,
    doubled INT AS (id * 2) STORED) ENGINE = InnoDB`,
  `INSERT INTO things (id, bytes)
    VALUES (1, x'00ff0a0d5c27'), (2, REPEAT('long', 100000)), (3, NULL)`,
  "INSERT INTO entries VALUES (1, 'schöne Grüße 🎈')",
  'CREATE VIEW both_of_them AS SELECT e.id, t.doubled FROM entries e JOIN things t USING (id)',
  'CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2',
  'CREATE TRIGGER grows BEFORE UPDATE ON entries FOR EACH ROW SET NEW.note = UPPER(NEW.note)',
  'CREATE EVENT sweeps ON SCHEDULE EVERY 1 DAY DO DELETE FROM things WHERE id < 0',
  "CREATE USER reader@'%' IDENTIFIED BY 'only reads'",
  "GRANT SELECT ON shop.* TO reader@'%'",
]

/** From now on nobody can repeat the log from its beginning. */
async function forgetLog(scene: Scene): Promise<void> {
  await using session = await admin(scene, 'm1')
  await session.query('FLUSH BINARY LOGS')
  await session.query('FLUSH BINARY LOGS')
  await until('the first log is gone', async () => {
    // A log that a crash would still need stays, without a word.
    await session.query("PURGE BINARY LOGS TO 'binlog.000003'")
    const [row] = await session.query('SHOW BINARY LOGS')
    return !String(Object.values(row ?? {})[0]).endsWith('.000001')
  })
}

/** Its server starts in a draft, and not in its place, until what is returned is called. */
function interruptedInPlace({ host, options }: Seat): () => void {
  const start = host.start.bind(host)
  host.start = async (launch) => {
    if (launch.cwd === options.data) throw new Error('the machine is powerless')
    await start(launch)
  }
  return () => {
    host.start = start
  }
}

/** What went before the first transaction of a member's first log, and what is the last of all. */
async function logOf(scene: Scene, name: string): Promise<Record<'begins' | 'state', string>> {
  await using session = await admin(scene, name)
  const [row] = await session.query(
    "SELECT BINLOG_GTID_POS('binlog.000001', 4) AS begins, @@global.gtid_binlog_state AS state",
  )
  return { begins: String(row?.begins), state: String(row?.state) }
}

suite('a first copy of MariaDB', () => {
  test('repeats the log while commits wait for it', async () => {
    await using scene = await Scene.open(mariadb, 3)
    await alone(scene)
    await scene.engine('m1').setAcks(anyOf('m2', 'm3'), soon())
    const writes = await writeInVain(scene, 1, 2, 3)
    await scene.engine('m2').follow(scene.order('m1', 'clone'), soon())
    await Promise.all(writes.map(({ outcome }) => outcome))
    await scene.shows('m2', 3)
  })

  test('repeats a short log of several files, and leaves alone who waits', async () => {
    await using scene = await Scene.open(mariadb, 2)
    await alone(scene)
    {
      await using session = await admin(scene, 'm1')
      await session.query('FLUSH BINARY LOGS')
    }
    await scene.engine('m1').setAcks(anyOf('m2'), soon())
    const change = pending(scene.query('m1', 'ALTER TABLE entries ADD COLUMN more INT'))
    const write = pending(scene.query('m1', "INSERT INTO shop.entries (id, note) VALUES (1, 'a')"))
    await scene.engine('m2').follow(scene.order('m1', 'clone'), soon())
    await Promise.all([change.outcome, write.outcome])
    await scene.shows('m2', 1)
  })

  test('copies the tables while commits wait for it', async () => {
    await using scene = await Scene.open(mariadb, 3)
    await alone(scene)
    {
      await using session = await admin(scene, 'm1')
      for (const sql of everything) await session.query(sql)
    }
    await forgetLog(scene)
    await scene.engine('m1').setAcks(anyOf('m2', 'm3'), soon())
    const writes = await writeInVain(scene, 11, 12, 13)
    await scene.engine('m2').follow(scene.order('m1', 'clone'), soon())
    await Promise.all(writes.map(({ outcome }) => outcome))
    await scene.query('m1', insert(14))
    await scene.shows('m2', 14)
    assert.equal(await contentOf(scene, 'm2'), await contentOf(scene, 'm1'))
  })

  test('of tables tells where its log begins, also where it was interrupted', async () => {
    await using scene = await Scene.open(mariadb, 3)
    await alone(scene)
    await scene.query('m1', insert(1))
    await forgetLog(scene)
    const restored = interruptedInPlace(scene.seat('m2'))
    await assert.rejects(scene.engine('m2').follow(scene.order('m1', 'clone'), soon()), /powerless/)
    restored()
    await scene.seat('m1').host.crash()
    await scene.engine('m2').freeze(soon())
    const { begins, state } = await logOf(scene, 'm2')
    assert.match(begins, /^0-64-\d+$/)
    assert.equal(state, begins)
    await scene.engine('m2').promote({ epoch: 2, acks: { members: [], needed: 0 } }, soon())
    await scene.engine('m3').follow(scene.order('m2', 'clone'), soon())
    await scene.engine('m1').follow(scene.order('m2', 'follow'), soon())
    await scene.query('m2', insert(2))
    for (const name of ['m1', 'm3']) {
      await scene.shows(name, 2)
      assert.deepEqual(await scene.ids(name), [1, 2])
    }
    assert.match((await logOf(scene, 'm3')).begins, /^0-129-\d+$/)
  })

  test('ends a change of a table that would keep it from its copy', async () => {
    await using scene = await Scene.open(mariadb, 2)
    await alone(scene)
    await forgetLog(scene)
    await scene.engine('m1').setAcks(anyOf('m2'), soon())
    const change = pending(scene.query('m1', 'ALTER TABLE entries ADD COLUMN more INT'))
    await scene.engine('m2').follow(scene.order('m1', 'clone'), soon())
    await assert.rejects(change.outcome)
    await scene.query('m1', 'INSERT INTO entries VALUES (1, NULL, 7)')
    await scene.shows('m2', 1)
    assert.ok(scene.told.some(({ rule }) => rule === 'copy-needs-table'))
  })
})
