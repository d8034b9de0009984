// Members of MariaDB are compared while clients write, and what differs is found to the row.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeComparison } from '../../src/databases/compare/describe.ts'
import { openMariadbReader } from '../../src/databases/engines/mariadb/compare.ts'
import { Session } from '../../src/databases/engines/mysql-kin/session.ts'
import { accounts, Scene, soon } from '../conformance/database-scene.ts'
import { insert } from '../conformance/database-watch.ts'
import { comparing } from './comparing.ts'
import { mariadb } from './mariadb-member.ts'

const compare = comparing(openMariadbReader)

/** Writes on one member alone, past its replication. */
async function damage(scene: Scene, member: string, ...statements: readonly string[]) {
  const { address } = scene.seat(member).options
  using session = await Session.open(address, accounts.admin, soon(), accounts.app.database)
  await session.query('SET SESSION sql_log_bin = OFF', soon())
  for (const statement of statements) await session.query(statement, soon())
}

test('rows that differ are found while others come and go, and a copy mends it', async () => {
  await using scene = await Scene.open(mariadb, 2)
  await scene.begin()
  await scene.query('m1', 'INSERT INTO entries SELECT seq, CONCAT("row ", seq) FROM seq_1_to_12000')
  await scene.query('m1', 'CREATE TABLE loose (a TEXT, b BLOB, c TIMESTAMP(6) DEFAULT NOW(6))')
  await scene.query(
    'm1',
    "INSERT INTO loose (a, b) VALUES (NULL, x'00ff'), ('x', NULL), ('x', NULL)",
  )
  await scene.shows('m2', 12_000)
  const stop = new AbortController()
  const load = (async () => {
    for (let n = 1; !stop.signal.aborted; n += 1) {
      await scene.query('m1', `UPDATE entries SET note = 'turn ${n}' WHERE id % 50 = ${n % 50}`)
      await scene.query('m1', `INSERT INTO entries VALUES (${n + 100_000}, 'new')`)
    }
  })()
  const same = await compare(scene)
  assert.deepEqual([same.differences, same.left], [[], []], describeComparison(same))
  assert.equal(same.tables, 2)
  stop.abort()
  await load
  await damage(
    ...[scene, 'm2', "UPDATE entries SET note = 'otherwise' WHERE id = 4711"],
    'DELETE FROM entries WHERE id = 11',
    "INSERT INTO entries VALUES (200000, 'more')",
  )
  const seen = await compare(scene)
  const found = seen.differences.map(({ kind, rows, names }) => [kind, rows, ...names])
  assert.deepEqual(found.toSorted(), [
    ['differs', 1, "id='4711'"],
    ['missing', 1, "id='11'"],
    ['surplus', 1, "id='200000'"],
  ])
  await scene.engine('m2').follow(scene.order('m1', 'clone'), soon())
  await scene.receives('m2', 'm1')
  assert.deepEqual((await compare(scene)).differences, [])
})

test('keys that are no text are told apart, however many there are', async () => {
  await using scene = await Scene.open(mariadb, 2)
  await scene.begin()
  // Nobody can read these as text: more than are read at once begin alike then.
  await scene.query('m1', 'CREATE TABLE marks (id BINARY(16) PRIMARY KEY, note TEXT)')
  await scene.query(
    'm1',
    "INSERT INTO marks SELECT CONCAT(x'f0', SUBSTR(UNHEX(MD5(seq)), 2)), seq FROM seq_1_to_12000",
  )
  await scene.query('m1', 'CREATE TABLE flags (id BINARY(1) PRIMARY KEY, note TEXT)')
  await scene.query('m1', "INSERT INTO flags VALUES (x'f8', 'a'), (x'f9', 'b'), (x'fa', 'c')")
  await scene.query('m1', insert(1))
  await scene.shows('m2', 1)
  const same = await compare(scene)
  assert.deepEqual([same.differences, same.left], [[], []], describeComparison(same))
  await damage(scene, 'm2', "UPDATE flags SET note = 'x' WHERE id = x'f9'")
  const found = (await compare(scene)).differences.map(({ kind, names }) => [kind, ...names])
  assert.deepEqual(found, [['differs', "id=x'F9'"]])
})

test('rows that are larger than what one answer may have are compared as well', async () => {
  await using scene = await Scene.open(mariadb, 2)
  await scene.begin()
  await scene.query('m1', 'CREATE TABLE large (id INT PRIMARY KEY, place POINT, data LONGBLOB)')
  await scene.query('m1', "INSERT INTO large VALUES (1, POINT(1, 2), REPEAT(x'00', 9000000))")
  await scene.query('m1', "INSERT INTO large VALUES (2, NULL, ''), (3, POINT(1, 2), NULL)")
  await scene.query('m1', insert(1))
  await scene.shows('m2', 1)
  const same = await compare(scene)
  assert.deepEqual([same.differences, same.left], [[], []], describeComparison(same))
  await damage(
    ...[scene, 'm2', "UPDATE large SET data = REPEAT(x'27', 9000000) WHERE id = 1"],
    'UPDATE large SET data = NULL WHERE id = 2',
    'UPDATE large SET place = POINT(1, 3) WHERE id = 3',
  )
  const found = (await compare(scene)).differences.map(({ kind, names }) => [kind, ...names])
  assert.deepEqual(found, [['differs', "id='1'", "id='2'", "id='3'"]])
})
