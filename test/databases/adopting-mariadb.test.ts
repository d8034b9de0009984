// MariaDB servers that somebody else has set up are taken over under load, and nothing is lost; or
// they are refused, and nothing is changed.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { AdoptingAgent, type ForeignKind, fileOf, takenOver } from '../support/adopting.ts'
import { eventually, folderOf, freePort } from '../support/database-bed.ts'
import {
  answers,
  asBoss,
  boss,
  foreignMariadb,
  openForeignMariadbPair,
  owner,
} from '../support/foreign-mariadb.ts'

const startOf = async (port: number): Promise<unknown> => {
  const [row] = await asBoss(port, 'SELECT @@pid_file AS pid, @@server_uid AS uid, @@datadir AS at')
  return row
}

const kind: ForeignKind = {
  ...{ engine: 'mariadb', database: 'shop', boss, client: owner, run: asBoss, startOf },
  open: openForeignMariadbPair,
  says: [
    /orders-1, MariaDB .*primary; orders-2, MariaDB .*replica/,
    /orders-2, with that restart: set .*sync_binlog = 1 \(it is 0\)/,
    /orders-1, with that restart: server_id = 1 \(it is 101\)/,
    /orders-1: end its process .*move .*\/one to .*\/ours\/orders-1/,
  ],
  async isKept(port) {
    const [row] = await asBoss(port, 'SELECT @@global.sort_buffer_size AS bytes')
    assert.equal(Number(row?.bytes), 300_000)
  },
}

suite('MariaDB servers that run already', () => {
  test('are taken over while a client writes, and lose nothing', () => takenOver(kind))

  test('are left as they are where something speaks against it', async () => {
    await using pair = await openForeignMariadbPair()
    const folder = folderOf('alwayson-taking-')
    await using agent = new AdoptingAgent(folder, boss.password)
    await using stranger = await foreignMariadb(folderOf('alwayson-foreign-'), 'three', 7)
    await stranger.start()
    await eventually('the stranger answers', () => answers(stranger.port))
    const [one, two] = [pair.primary.port, pair.replica.port]
    const file = {
      ...({ engine: 'mariadb', user: boss.user, write: await freePort() } as const),
      ...{ ports: [one, two] as readonly number[], data: join(pair.folder, 'ours') },
    }
    const path = join(folder, 'alwayson.yaml')
    writeFileSync(path, fileOf(file))
    await agent.up(path)
    const begun = await Promise.all(file.ports.map(startOf))
    const refused = (change: Partial<typeof file> & { more?: string }, what: RegExp) =>
      agent.refuses(fileOf({ ...file, ...change }), what)
    await assert.rejects(agent.apply(fileOf(file), false, 'wrong'), /does not let boss in/)
    await refused({ ports: [one, two, stranger.port] }, /orders-1 .* and orders-3 .* both take/)
    await refused({ ports: [one] }, /1 servers receive from orders-1 .*and 0 of them are named/)
    await refused({ ports: [two] }, /none of the members of orders takes writes/)
    await refused({ ports: [one, await freePort()] }, /orders-2 at .* does not answer/)
    await refused({ data: '/proc/ours' }, /is on another disk than \/proc\/ours/)
    await refused({ more: 'app: { user: owner, database: shop }' }, /has a user owner already/)
    await asBoss(one, 'SET GLOBAL rpl_semi_sync_master_enabled = ON')
    await refused({}, /orders-1 waits for acknowledgements of its replicas/)
    await asBoss(one, 'SET GLOBAL rpl_semi_sync_master_enabled = OFF')
    await asBoss(two, 'SET GLOBAL gtid_domain_id = 3')
    await refused({}, /orders-2 writes in other GTID domains/)
    await asBoss(two, 'SET GLOBAL gtid_domain_id = 0', 'STOP SLAVE SQL_THREAD')
    await refused({}, /orders-2 .* is a replica that receives from nobody/)
    await asBoss(two, 'START SLAVE SQL_THREAD', 'CREATE DATABASE astray')
    await refused({}, /orders-2 has writes of its own/)
    await asBoss(one, 'SET GLOBAL server_id = 2')
    await refused({}, /orders-1 has server_id = 2, which member 2 of the list goes by/)
    assert.deepEqual(await Promise.all(file.ports.map(startOf)), begun)
    const users = await asBoss(one, "SELECT User FROM mysql.user WHERE User LIKE 'alwayson%'")
    assert.equal(users.length, 0)
  })
})
