// PostgreSQL servers that somebody else has set up are taken over under load, and nothing is lost;
// or they are refused, and nothing is changed.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { AdoptingAgent, type ForeignKind, fileOf, takenOver } from '../support/adopting.ts'
import { eventually, folderOf, freePort, postgresHome } from '../support/database-bed.ts'
import {
  asBoss,
  boss,
  type ForeignPair,
  foreignPrimary,
  openForeignPair,
} from '../support/foreign-postgresql.ts'

const packaged = join(postgresHome, 'bin')
const installed = '/usr/lib/postgresql/15/bin'

const startOf = async (port: number): Promise<unknown> =>
  (await asBoss(port, 'SELECT pg_postmaster_start_time()::text AS at'))[0]?.at

const place = (pair: ForeignPair, write: number) => ({
  ...({ engine: 'postgresql', user: boss.user, write } as const),
  ports: [pair.primary.port, pair.replica.port],
  data: join(pair.folder, 'ours'),
})

const kindOf = (bin: string): ForeignKind => ({
  ...{ engine: 'postgresql', database: 'postgres', boss, client: boss, run: asBoss, startOf },
  async open() {
    const pair = await openForeignPair(bin)
    await asBoss(pair.primary.port, 'CREATE TABLE entries (id INT PRIMARY KEY)')
    return pair
  },
  says: [
    /orders-1, PostgreSQL .*primary; orders-2, PostgreSQL .*replica/,
    /orders-2, with that restart: set .*wal_log_hints = on \(it is off\)/,
    /orders-1: end its process .*move .*\/one to .*\/ours\/orders-1/,
  ],
  async isKept(port) {
    const [row] = await asBoss(port, 'SHOW work_mem')
    assert.deepEqual(row, { work_mem: '5MB' })
    const slots = await asBoss(port, 'SELECT slot_name AS name FROM pg_replication_slots')
    assert.ok(slots.every(({ name }) => String(name).startsWith('alwayson_')))
  },
})

suite('PostgreSQL servers that run already', () => {
  test('of the package are taken over while a client writes, and lose nothing', () =>
    takenOver(kindOf(packaged)))

  const skip = existsSync(installed) ? false : `${installed} is not on this machine`
  test('as Debian installs them are taken over too', { skip }, () => takenOver(kindOf(installed)))

  test('are left as they are where something speaks against it', async () => {
    await using pair = await openForeignPair(packaged)
    const folder = folderOf('alwayson-taking-')
    await using agent = new AdoptingAgent(folder, boss.password)
    await using stranger = await foreignPrimary(packaged, folderOf('alwayson-foreign-'), 'three')
    await stranger.start()
    await eventually('the stranger answers', () =>
      asBoss(stranger.port, 'SELECT 1').then(
        () => true,
        () => false,
      ),
    )
    const file = place(pair, await freePort())
    const path = join(folder, 'alwayson.yaml')
    writeFileSync(path, fileOf(file))
    await agent.up(path)
    const begun = await Promise.all(file.ports.map(startOf))
    const refused = (change: Partial<typeof file> & { more?: string }, what: RegExp) =>
      agent.refuses(fileOf({ ...file, ...change }), what)
    const [one = 0, two = 0] = file.ports
    await assert.rejects(agent.apply(fileOf(file), false, 'wrong'), /does not let boss in/)
    await refused({ ports: [one, two, stranger.port] }, /orders-3 .*is of another cluster/)
    await refused({ ports: [one] }, /1 servers receive from orders-1 .*and 0 of them are named/)
    await refused({ ports: [two] }, /none of the members of orders takes writes/)
    await refused({ ports: [one, await freePort()] }, /orders-2 at .* does not answer/)
    await refused({ data: '/proc/ours' }, /is on another disk than \/proc\/ours/)
    await refused({ more: 'app: { user: owner, database: shop }' }, /has a user owner already/)
    await refused({ more: 'user: root' }, /runs as .*, and the file says root/)
    mkdirSync(join(file.data, 'orders-2'), { recursive: true })
    writeFileSync(join(file.data, 'orders-2', 'notes'), 'of somebody')
    await refused({}, /ours\/orders-2, where .* would go, holds something/)
    rmSync(join(file.data, 'orders-2'), { recursive: true })
    await asBoss(two, "ALTER SYSTEM SET primary_conninfo = ''", 'SELECT pg_reload_conf()')
    await eventually('it receives no more', async () => {
      return (await asBoss(two, 'SELECT FROM pg_stat_wal_receiver')).length === 0
    })
    await refused({}, /orders-2 .* is a replica that receives from nobody/)
    assert.deepEqual(await Promise.all(file.ports.map(startOf)), begun)
    const roles = await asBoss(one, "SELECT FROM pg_roles WHERE rolname LIKE 'alwayson%'")
    assert.equal(roles.length, 0)
  })
})
