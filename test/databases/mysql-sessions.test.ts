// What an edge promises to clients of MariaDB while the server behind their address is replaced.

import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import mysql from 'mysql2/promise'
import { ms, openClock, sleep } from '../../src/foundation/time.ts'
import {
  DatabaseBed,
  eventually,
  openMariadb,
  type ServerProcess,
} from '../support/database-bed.ts'

const clock = openClock()
const accounts = [{ user: 'app', password: 'secret' }]

/** Two servers that know nothing of each other: which one answers can be asked. */
let one: ServerProcess
let two: ServerProcess

before(async () => {
  ;[one, two] = await Promise.all([openMariadb('one'), openMariadb('two')])
  for (const server of [one, two]) {
    const client = await connected(server.port)
    await client.query('CREATE TABLE shop.rows_of (id integer PRIMARY KEY)')
    await client.query(`CREATE FUNCTION shop.whoami() RETURNS text RETURN '${server.id}'`)
    await client.end()
  }
})

after(async () => {
  await Promise.all([one?.[Symbol.asyncDispose](), two?.[Symbol.asyncDispose]()])
})

interface Client extends mysql.Connection {
  readonly errors: Error[]
  ended: boolean
}

async function connected(port: number, more: mysql.ConnectionOptions = {}): Promise<Client> {
  const client = await mysql.createConnection({
    ...{ host: '127.0.0.1', port, user: 'app', password: 'secret', database: 'shop' },
    ...more,
  })
  const known = Object.assign(client, {
    ...{ errors: [] as Error[], ended: false },
    [Symbol.asyncDispose]: () => client.end().catch(() => undefined),
  })
  client.on('error', (error) => known.errors.push(error))
  client.on('end', () => {
    known.ended = true
  })
  return known
}

async function serverOf(client: mysql.Connection): Promise<string> {
  const [rows] = await client.query<mysql.RowDataPacket[]>('SELECT whoami() AS server')
  return rows[0]!.server
}

const open = (): DatabaseBed => new DatabaseBed('mysql', accounts)
const rows = (first: 'up' | 'draining' | 'down', second: 'up' | 'down') => [
  one.row(first),
  two.row(second),
]

suite('MariaDB behind an edge', () => {
  test('holds who comes while nobody is primary, and lets them in when somebody is', async () => {
    await using bed = open()
    await bed.route(rows('down', 'down'))
    const coming = connected(bed.port)
    await eventually('it is held', () => bed.held === 1)
    await bed.route(rows('down', 'up'))
    await using client = await coming
    assert.equal(await serverOf(client), 'two')
  })

  test('lets a transaction end where it began, and moves the session then', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await using client = await connected(bed.port)
    await client.beginTransaction()
    await bed.route(rows('draining', 'down'))
    assert.equal(await serverOf(client), 'one')
    await client.commit()
    const asked = serverOf(client)
    await eventually('it is held', () => bed.held === 1)
    await bed.route(rows('down', 'up'))
    assert.equal(await asked, 'two')
    assert.deepEqual(client.errors, [])
  })

  test('writers of one row each ten milliseconds see no error across two moves', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    const clients = await Promise.all([1, 2, 3].map(() => connected(bed.port)))
    let done = 0
    let isOver = false
    const writing = clients.map(async (client, place) => {
      for (let n = 0; !isOver; n += 1) {
        await client.query('INSERT INTO rows_of VALUES (?)', [n * 10 + place])
        done += 1
        await sleep(clock, ms(10))
      }
    })
    for (const isTwo of [true, false]) {
      const seen = done
      await eventually('they write', () => done > seen + 20)
      await bed.route([one.row(isTwo ? 'draining' : 'down'), two.row(isTwo ? 'down' : 'draining')])
      await eventually('all wait', () => bed.held === 3)
      await bed.route([one.row(isTwo ? 'down' : 'up'), two.row(isTwo ? 'up' : 'down')])
    }
    const seen = done
    await eventually('they write', () => done > seen + 20)
    isOver = true
    await Promise.all(writing)
    const errors = clients.flatMap((client) => client.errors)
    assert.deepEqual(errors, [])
    for (const client of clients) assert.equal(await serverOf(client), 'one')
    await Promise.all(clients.map((client) => client.end()))
  })

  test('says settings again at the next server, and which database is used', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await using client = await connected(bed.port)
    await client.query("SET SESSION sql_mode = 'ANSI'")
    await client.query('USE mysql')
    await bed.route(rows('down', 'up'))
    const [found] = await client.query<mysql.RowDataPacket[]>(
      'SELECT DATABASE() AS db, @@session.sql_mode AS mode, shop.whoami() AS server',
    )
    assert.equal(found[0]!.db, 'mysql')
    assert.match(found[0]!.mode, /ANSI/)
    assert.equal(found[0]!.server, 'two')
  })

  for (const text of [
    'CREATE TEMPORARY TABLE mine (id int)',
    "SELECT GET_LOCK('mine', 1)",
    'SET @mine = 1',
    'LOCK TABLES rows_of READ',
  ]) {
    test(`ends, after the grace, who has something of its own: ${text}`, async () => {
      await using bed = open()
      await bed.route(rows('up', 'down'))
      await using client = await connected(bed.port)
      await client.query(text)
      await bed.route(rows('draining', 'down'))
      await client.query('SELECT 1')
      assert.equal(bed.held, 0)
      await bed.route(rows('draining', 'down'), 100)
      await eventually('it has ended', () => client.ended || client.errors.length > 0)
    })
  }

  test('passes answers of every kind, and moves the session afterwards', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await using client = await connected(bed.port, { multipleStatements: true })
    const [many] = await client.query<mysql.RowDataPacket[]>(
      "SELECT seq, REPEAT('x', 1000) AS x FROM seq_1_to_20000",
    )
    assert.equal(many.length, 20_000)
    const [two] = await client.query<mysql.RowDataPacket[][]>('SELECT 1 AS a; SELECT 2 AS b')
    assert.deepEqual([two[0]![0]!.a, two[1]![0]!.b], [1, 2])
    await assert.rejects(client.query('SELECT nothing FROM nowhere'), { errno: 1146 })
    await client.ping()
    const [wide] = await client.query<mysql.RowDataPacket[]>('SELECT LENGTH(?) AS n', [
      'y'.repeat(50_000),
    ])
    assert.equal(wide[0]!.n, 50_000)
    await bed.route(rows('down', 'up'))
    assert.equal(await serverOf(client), 'two')
    assert.deepEqual(client.errors, [])
  })

  test('passes prepared statements, which stay with their server', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await using client = await connected(bed.port)
    const text = 'SELECT ? + 1 AS n, whoami() AS server'
    const [first] = await client.execute<mysql.RowDataPacket[]>(text, [1])
    assert.deepEqual([Number(first[0]!.n), first[0]!.server], [2, 'one'])
    await bed.route(rows('draining', 'down'))
    const [second] = await client.execute<mysql.RowDataPacket[]>(text, [2])
    assert.deepEqual([Number(second[0]!.n), second[0]!.server], [3, 'one'])
  })

  test('passes a wrong password on as the server says it', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await assert.rejects(connected(bed.port, { password: 'wrong' }), { errno: 1045 })
  })

  test('waits for the next server while one that leaves lets nobody do anything', async () => {
    await using admin = await connected(one.port, { user: 'admin' })
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await using client = await connected(bed.port)
    await client.query('SELECT 1')
    await admin.query("SET GLOBAL init_connect = 'SELECT nothing'")
    const [found] = await client.query<mysql.RowDataPacket[]>('SELECT CONNECTION_ID() AS id')
    await admin.query(`KILL ${found[0]!.id}`)
    const asked = serverOf(client)
    await eventually('it is held', () => bed.held === 1)
    await bed.route(rows('down', 'up'))
    assert.equal(await asked, 'two')
    await admin.query("SET GLOBAL init_connect = ''")
    assert.deepEqual(client.errors, [])
  })

  test('keeps who rests when the server crashes, and ends who waits for an answer', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    const resting = await Promise.all([1, 2, 3].map(() => connected(bed.port)))
    const busy = await connected(bed.port)
    const failed = assert.rejects(busy.query('SELECT SLEEP(300)'))
    await using watch = await connected(one.port)
    await eventually('it sleeps', async () => {
      const text = "SELECT 1 FROM information_schema.processlist WHERE info = 'SELECT SLEEP(300)'"
      return ((await watch.query<mysql.RowDataPacket[]>(text))[0] as unknown[]).length === 1
    })
    await one.end('SIGKILL')
    await failed
    const asked = resting.map(serverOf)
    await eventually('all wait', () => bed.held === 3)
    await bed.route(rows('down', 'up'))
    assert.deepEqual(await Promise.all(asked), ['two', 'two', 'two'])
    const errors = resting.flatMap((client) => client.errors)
    assert.deepEqual(errors, [])
    await Promise.all(resting.map((client) => client.end()))
  })
})
