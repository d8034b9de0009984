// What an operator types to keep a database: backups, restores to a moment, beside it and in place,
// and members that are compared and mended. Each word goes through the command line and an agent.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Session, sessionOf } from '../../bench/failover/session.ts'
import { restingPorts } from '../../bench/lib/ports.ts'
import { accountsOf } from '../../src/databases/passwords.ts'
import { until } from '../engines/waiting.ts'
import { Place, patience, type Ran } from './place.ts'

/** As the application, through its address. */
async function asApplication(place: Place, database: string): Promise<Session> {
  const { out } = await place.run('url', database)
  const { username: user, password, port, pathname } = new URL(out.trim())
  const target = { engine: place.engine, host: '127.0.0.1', port: Number(port), user, password }
  return await sessionOf({ ...target, database: pathname.slice(1) })
}

async function ids(place: Place, database: string): Promise<readonly unknown[]> {
  const session = await asApplication(place, database)
  const rows = await session.run('SELECT id FROM entries ORDER BY id')
  await session.end()
  return rows.map(({ id }) => id)
}

async function insert(place: Place, id: number): Promise<void> {
  const session = await asApplication(place, 'orders')
  await session.run(`INSERT INTO entries VALUES (${id}, 'text')`)
  await session.end()
}

/**
 * A moment after all that was committed so far and before all that is from now on. MariaDB writes
 * commits down by the second, and within one they count from when they were received.
 */
async function moment(place: Place): Promise<string> {
  const second = (): number => Math.floor(Date.now() / 1000)
  const committed = second()
  await until('the second of the commits is over', () => second() > committed, patience)
  const now = Date.now()
  await until('the next second has begun', () => Date.now() > now + 1000, patience)
  const isKept = async (): Promise<boolean> =>
    ((await place.look())?.backups?.until ?? 0) > now + 1000
  await until('all is received', isKept, patience)
  return new Date(now).toISOString()
}

const done = ({ code, out, err }: Ran): string => {
  assert.equal(code, 0, `${out}${err}`)
  return `${out}${err}`
}

/** Writes to a member itself what its primary does not have. */
async function tamper(place: Place, member: string): Promise<void> {
  const secret = readFileSync(join(place.state, 'databases', 'secret'), 'utf8')
  const named = { name: 'orders', app: { user: 'orders', database: 'orders' } }
  const { admin } = accountsOf(named as Parameters<typeof accountsOf>[0], secret)
  const address = place.member(await place.look(), member)?.address ?? ''
  const port = Number(address.split(':').at(-1))
  const session = await sessionOf({
    ...{ engine: place.engine, host: '127.0.0.1', port, ...admin, database: 'orders' },
  })
  await session.run('SET SESSION sql_log_bin = OFF')
  await session.run("UPDATE entries SET text = 'other' WHERE id = 1")
  await session.end()
}

test('MariaDB is backed up, restored beside itself and in place, compared and mended', async () => {
  await using place = await Place.open('mariadb')
  const backups = `    backups: { to: ${place.folder}/backups, every: 1d, keep: 3 }\n`
  place.write(backups)
  await place.up()
  await place.well()
  const session = await asApplication(place, 'orders')
  await session.run('CREATE TABLE entries (id INT PRIMARY KEY, text VARCHAR(20))')
  await session.end()
  const count = async (): Promise<number> => (await place.look())?.backups?.count ?? 0
  await until('the first backup is made', async () => (await count()) === 1, patience)
  assert.match(done(await place.run('backup', 'orders')), /stored/)
  assert.equal(await count(), 2)

  await insert(place, 1)
  const between = await moment(place)
  await insert(place, 2)
  const both = await moment(place)
  const tooEarly = await place.run(
    'restore',
    'orders',
    '--to',
    '2001-01-01T00:00:00Z',
    '--in-place',
  )
  assert.equal(tooEarly.code, 1)
  assert.match(tooEarly.err, /is not among what is kept/)

  const beside = done(await place.run('restore', 'orders', '--to', both, '--as', 'both'))
  assert.match(beside, /databases: both: \{ engine: mariadb/)
  assert.match(
    done(await place.run('restore', 'orders', '--to', between, '--in-place')),
    /orders-1 leads from epoch/,
  )
  await place.well()
  assert.deepEqual(await ids(place, 'orders'), [1])

  const [door, ...ports] = await restingPorts(3)
  const app = 'app: { user: orders, database: orders }'
  const lines = [
    ...['  both:', '    engine: mariadb', `    bind: 127.0.0.1:${door}`, `    ${app}`],
    ...[`    members: { count: 2, ports: [${ports.join(', ')}] }`, '    durability: async'],
    `    data: ${place.data}`,
  ]
  place.write(`${backups}${lines.join('\n')}\n`)
  done(await place.run('apply'))
  await place.well('both')
  assert.deepEqual(await ids(place, 'both'), [1, 2])

  assert.match(done(await place.run('verify', 'orders')), /all as on the primary/)
  const { primary, members = [] } = (await place.look()) ?? {}
  const replica = members.find(({ name }) => name !== primary)?.name ?? ''
  await tamper(place, replica)
  const differs = await place.run('verify', 'orders')
  assert.equal(differs.code, 1)
  assert.match(`${differs.out}${differs.err}`, new RegExp(`${replica}: orders\\.entries, 1 row`))
  assert.match(differs.err, /alwayson verify orders --repair/)
  const mended = done(await place.run('verify', 'orders', '--repair'))
  assert.match(mended, /copied anew: .*all as on the primary/)
  assert.match(done(await place.run('verify', 'orders')), /all as on the primary/)
})
