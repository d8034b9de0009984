// Members of PostgreSQL are compared while clients write, and what differs is found to the row.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { describeComparison } from '../../src/databases/compare/describe.ts'
import { openPostgresReader } from '../../src/databases/engines/postgresql/compare.ts'
import { openPostgres } from '../../src/databases/engines/postgresql/engine.ts'
import { findPostgresVouchers } from '../../src/databases/engines/postgresql/vouch.ts'
import { ms } from '../../src/foundation/time.ts'
import { accounts, type MemberKind, Scene, soon } from '../conformance/database-scene.ts'
import { comparing } from './comparing.ts'
import { alterRow } from './damaged-page.ts'
import { connectPostgres } from './postgresql-client.ts'

const kind: MemberKind = {
  name: 'PostgreSQL to compare',
  open: openPostgres,
  vouchers: { find: findPostgresVouchers, socketOf: ({ run }) => run },
  copies: true,
  home: undefined,
  connect: connectPostgres,
}
const compare = comparing(openPostgresReader)

/** A replica's server ends, one letter of its table is changed, and it follows again. */
async function damage(scene: Scene, text: string, isSummed: boolean): Promise<void> {
  const [row] = await scene.query('m1', "SELECT pg_relation_filepath('entries') AS path")
  const { address, run } = scene.seat('m1').options
  const admin = await connectPostgres({ host: run, port: address.port }, accounts.admin, 'postgres')
  await using _ = admin
  // What lies before a checkpoint is not applied again when the server starts; and a page that is
  // first read after one may be sent whole, which mends it.
  await scene.query('m1', 'VACUUM FREEZE entries')
  await admin.query('CHECKPOINT')
  await scene.query('m1', "INSERT INTO entries VALUES (100000, 'last')")
  await scene.shows('m2', 100_000)
  await scene.engine('m2').stop(ms(30_000), soon())
  const path = join(scene.seat('m2').options.data, String(row?.path))
  alterRow(path, text, 'a letter', isSummed)
  await scene.engine('m2').follow(scene.order('m1', 'follow'), soon())
  await scene.receives('m2', 'm1')
}

test('members are the same, also while rows come, change and go', async () => {
  await using scene = await Scene.open(kind, 2)
  await scene.begin()
  await scene.query(
    'm1',
    "INSERT INTO entries SELECT n, 'row ' || n FROM generate_series(1, 9000) n",
  )
  await scene.query('m1', 'CREATE TABLE loose (a TEXT, b BYTEA, c TIMESTAMPTZ DEFAULT now())')
  await scene.query('m1', "INSERT INTO loose VALUES (NULL, '\\x00ff'), ('x', NULL), ('x', NULL)")
  const stop = new AbortController()
  const load = (async () => {
    for (let n = 1; !stop.signal.aborted; n += 1) {
      await scene.query('m1', `UPDATE entries SET note = 'turn ${n}' WHERE id % 50 = ${n % 50}`)
      await scene.query('m1', `DELETE FROM entries WHERE id = ${n}`)
      await scene.query('m1', `INSERT INTO entries VALUES (${n + 100_000}, 'new')`)
    }
  })()
  for (let round = 0; round < 3; round += 1) {
    const seen = await compare(scene)
    assert.deepEqual([seen.differences, seen.left], [[], []], describeComparison(seen))
    assert.equal(seen.tables, 2)
  }
  stop.abort()
  await load
})

/** Two members with the same nine thousand rows. */
async function filled(): Promise<Scene> {
  const scene = await Scene.open(kind, 2)
  try {
    await scene.begin()
    await scene.query(
      'm1',
      "INSERT INTO entries SELECT n, 'row <' || n || '>' FROM generate_series(1, 9000) n",
    )
    await scene.shows('m2', 9000)
    return scene
  } catch (thrown) {
    await scene[Symbol.asyncDispose]()
    throw thrown
  }
}

test('a row that a replica has otherwise is found, and a copy mends it', async () => {
  await using scene = await filled()
  await damage(scene, 'row <4711>', true)
  const seen = await compare(scene)
  assert.equal(seen.differences.length, 1, describeComparison(seen))
  const { member, table, kind: how, rows, names } = seen.differences[0] ?? {}
  assert.deepEqual(
    { member, table, how, rows, names },
    {
      ...{
        member: 'm2',
        table: 'shop.public.entries',
        how: 'differs',
        rows: 1,
        names: ['id=4711'],
      },
    },
  )
  await scene.engine('m2').follow(scene.order('m1', 'clone'), soon())
  await scene.receives('m2', 'm1')
  assert.deepEqual((await compare(scene)).differences, [])
})

test('a page that a replica cannot read is found', async () => {
  await using scene = await filled()
  await damage(scene, 'row <4711>', false)
  const seen = await compare(scene)
  assert.match(
    describeComparison(seen),
    /m2: shop\.public\.entries cannot be read \(.*invalid page/,
  )
})
