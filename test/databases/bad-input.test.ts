// What a person may get wrong about a database: it is told what is wrong, where, and what would
// help; no data is touched; and once it is mended the database goes on.

import assert from 'node:assert/strict'
import {
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { type Engine, Place } from './place.ts'

const isRoot = process.getuid?.() === 0
const somebody = 54_321

/** The names and times of what lies in a folder: whether anything was done to it. */
const trace = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => `${name} ${statSync(join(folder, name)).mtimeMs}`)

suite('a file that cannot be', () => {
  test('two members with quorum: it is said what they cannot survive', async () => {
    await using place = await Place.open('postgresql')
    writeFileSync(
      join(place.folder, 'alwayson.yaml'),
      'name: p\ndatabases: { orders: { engine: postgresql, members: 2 } }\n',
    )
    const { code, err } = await place.run('check')
    assert.equal(code, 2)
    assert.match(err, /alwayson\.yaml:2:\d+/)
    assert.match(err, /without either of them no write could be acknowledged safely/)
    assert.match(err, /durability: async/)
  })

  test('two databases on one port', async () => {
    await using place = await Place.open('postgresql')
    writeFileSync(
      join(place.folder, 'alwayson.yaml'),
      `name: p
databases:
  one: { engine: postgresql, members: { count: 3, ports: [7001, 7002, 7003] } }
  two: { engine: mariadb, members: { count: 3, ports: [7003, 7004, 7005] } }
`,
    )
    const { code, err } = await place.run('check')
    assert.equal(code, 2)
    assert.match(err, /alwayson\.yaml:4:\d+/)
    assert.match(err, /port 7003 of member two-1 is taken: member one-3 listens there/)
  })
})

for (const engine of ['postgresql', 'mariadb'] as const) {
  suite(`a place for ${engine}`, () => {
    test('with files of somebody in it', async () => {
      await using place = await Place.open(engine)
      const theirs = join(place.data, 'orders-1')
      mkdirSync(theirs, { recursive: true })
      writeFileSync(join(theirs, 'letter.txt'), 'mine')
      const before = trace(place.data)
      await place.up()
      const said = await place.says('orders-1', /data\/orders-1/)
      assert.match(said, /elsewhere|another folder/)
      const { rule } = (await place.look()) ?? {}
      assert.equal(rule, 'wait-for-all')
      assert.deepEqual(trace(place.data), before)
      renameSync(theirs, join(place.folder, 'theirs'))
      await place.well()
    })

    test('with data that are not those of this database', async () => {
      await using place = await Place.open(engine)
      await place.up()
      await place.well()
      await place.down()

      await strangeOwner(place)
      await anotherVersion(place)
      await otherPasswords(place)
      await anotherOrigin(place)
    })
  })
}

const dataOf = (place: Place): string => join(place.data, 'orders-2')

/** Others go on meanwhile; what is wrong is said, and nothing is done about it. */
async function refusedUntilMended(
  place: Place,
  words: RegExp,
  remedy: RegExp,
  mend: () => void,
): Promise<void> {
  const before = trace(dataOf(place))
  await place.up()
  const said = await place.says('orders-2', words)
  assert.match(said, remedy)
  assert.deepEqual(trace(dataOf(place)), before)
  mend()
  await place.well()
  await place.down()
}

/** A folder that belongs to another. */
async function strangeOwner(place: Place): Promise<void> {
  if (!isRoot) return
  const { uid, gid } = statSync(dataOf(place))
  chownSync(dataOf(place), somebody, somebody)
  await refusedUntilMended(
    place,
    new RegExp(`belongs to another user \\(${somebody}\\)`),
    /chown -R/,
    () => chownSync(dataOf(place), uid, gid),
  )
}

/** Data of a version that its programs are not of. */
async function anotherVersion(place: Place): Promise<void> {
  const files: Record<Engine, readonly [string, RegExp, string]> = {
    postgresql: ['PG_VERSION', /^\d+/, '13'],
    mariadb: ['alwayson.json', /"version":"\d+\.\d+/, '"version":"10.4'],
  }
  const [name, pattern, other] = files[place.engine]
  const path = join(dataOf(place), name)
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.replace(pattern, other))
  const words =
    place.engine === 'postgresql'
      ? /PostgreSQL 13, which made the data, is not on this machine/
      : /MariaDB 10\.4\S* made it/
  await refusedUntilMended(place, words, /install/, () => writeFileSync(path, text))
}

/** The passwords are not those that the data were made with: the file with their secret is lost. */
async function otherPasswords(place: Place): Promise<void> {
  const path = join(place.state, 'databases', 'secret')
  const secret = readFileSync(path, 'utf8')
  writeFileSync(path, 'x'.repeat(43))
  await place.up()
  // Whichever of them is started first: one that can say what it has without that is not.
  const said = await place.says('orders', /orders-\d: .*does not let alwayson in/)
  assert.match(said, /give the accounts that this database was made with/)
  assert.ok(!said.includes('xxxx') && !said.includes(secret))
  await place.down()
  writeFileSync(path, secret)
  await place.up()
  await place.well()
  await place.down()
}

/** The data of a member are those of another cluster, which is further than this one. */
async function anotherOrigin(place: Place): Promise<void> {
  await using other = await Place.open(place.engine)
  await other.up()
  const { primary = '' } = await other.well()
  await other.down()
  const own = join(place.folder, 'own')
  renameSync(dataOf(place), own)
  cpSync(join(other.data, primary), dataOf(place), { recursive: true, preserveTimestamps: true })
  const { uid, gid } = statSync(own)
  for (const name of ['', ...readdirSync(dataOf(place), { recursive: true, encoding: 'utf8' })]) {
    chownSync(join(dataOf(place), name), uid, gid)
  }
  await refusedUntilMended(place, /those of another database/, /elsewhere/, () => {
    renameSync(dataOf(place), join(place.folder, 'theirs'))
    renameSync(own, dataOf(place))
  })
}
