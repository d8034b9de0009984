// Members of PostgreSQL are compared while clients write, and what differs is found to the row.

import assert from 'node:assert/strict'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { describeComparison } from '../../src/databases/compare/describe.ts'
import { openPostgresReader } from '../../src/databases/engines/postgresql/compare.ts'
import { openPostgres } from '../../src/databases/engines/postgresql/engine.ts'
import { findPostgresVouchers } from '../../src/databases/engines/postgresql/vouch.ts'
import { ms } from '../../src/foundation/time.ts'
import { accounts, type MemberKind, Scene, soon } from '../conformance/database-scene.ts'
import { comparing } from './comparing.ts'
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

/** A page's own sum (checksum_impl.h): what is changed with it, the server cannot notice. */
function pageSum(page: Buffer, block: number): number {
  const offsets = [
    ...[0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2],
    ...[0x83e13d2c, 0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c],
    ...[0xf718902a, 0x0b1c9cdb, 0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de, 0x92bec979],
    ...[0xcca6c0b2, 0x304a0979, 0x85aa43d4, 0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e],
    ...[0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756],
  ]
  const sums = Uint32Array.from(offsets)
  const mix = (at: number, value: number): void => {
    const mixed = ((sums[at] as number) ^ value) >>> 0
    sums[at] = (Math.imul(mixed, 16_777_619) ^ (mixed >>> 17)) >>> 0
  }
  const copy = Buffer.from(page)
  copy.writeUInt16LE(0, 8)
  for (let row = 0; row < 8192 / 128; row += 1) {
    for (let at = 0; at < 32; at += 1) mix(at, copy.readUInt32LE(row * 128 + at * 4))
  }
  for (let round = 0; round < 2; round += 1) for (let at = 0; at < 32; at += 1) mix(at, 0)
  const all = sums.reduce((sum, each) => (sum ^ each) >>> 0, 0)
  return (((all ^ block) >>> 0) % 65_535) + 1
}

/** Changes one letter in the first page that has `text`, of a server that has ended. */
function corrupt(path: string, text: string, isSummed: boolean): void {
  const file = openSync(path, 'r+')
  try {
    for (let block = 0; ; block += 1) {
      const page = Buffer.alloc(8192)
      assert.equal(readSync(file, page, 0, 8192, block * 8192), 8192, `${text} is in no page`)
      const at = page.indexOf(text)
      if (at === -1) continue
      page.writeUInt8(page.readUInt8(at) ^ 1, at)
      if (isSummed) page.writeUInt16LE(pageSum(page, block), 8)
      writeSync(file, page, 0, 8192, block * 8192)
      return
    }
  } finally {
    closeSync(file)
  }
}

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
  corrupt(join(scene.seat('m2').options.data, String(row?.path)), text, isSummed)
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
