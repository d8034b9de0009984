// What an edge promises to clients of MariaDB while the server behind their address is replaced.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import mysql from 'mysql2/promise'
import { type DatabaseBed, eventually, openMariadb } from '../support/database-bed.ts'
import { type Kind, type KnownClient, movingSessions, openBed, pairOf } from './moving-sessions.ts'

type Client = mysql.Connection & KnownClient

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

const endless = 'SELECT SLEEP(300)'

const kind: Kind<Client> = {
  ...{ protocol: 'mysql', server: openMariadb, connected, serverOf },
  async prepare(client, { id }) {
    await client.query('CREATE TABLE shop.rows_of (id integer PRIMARY KEY)')
    await client.query(`CREATE FUNCTION shop.whoami() RETURNS text RETURN '${id}'`)
  },
  say: (client, text) => client.query(text),
  insert: (client, id) => client.query('INSERT INTO rows_of VALUES (?)', [id]),
  endless: (client) => client.query(endless),
  async isAsked(watch) {
    const text = 'SELECT 1 FROM information_schema.processlist WHERE info = ?'
    const [found] = await watch.query<mysql.RowDataPacket[]>(text, [endless])
    return found.length === 1
  },
}

const pair = pairOf(kind)
const open = (): DatabaseBed => openBed(kind.protocol)
const rows: typeof pair.rows = (first, second) => pair.rows(first, second)

suite('MariaDB behind an edge', () => {
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

  test('says again that a connection was reset, and nothing of what was set before', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await using client = await connected(bed.port)
    await client.query("SET SESSION sql_mode = 'ANSI'")
    await client.reset()
    await client.query("SET SESSION time_zone = '+03:00'")
    await bed.route(rows('down', 'up'))
    const [found] = await client.query<mysql.RowDataPacket[]>(
      `SELECT DATABASE() AS db, @@session.sql_mode = @@global.sql_mode AS isUsual,
        @@session.time_zone AS zone, shop.whoami() AS server`,
    )
    assert.deepEqual({ ...found[0] }, { db: 'shop', isUsual: 1, zone: '+03:00', server: 'two' })
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

  for (const text of ['SELECT 1', "SET SESSION sql_mode = 'ANSI'"]) {
    test(`waits while a server that leaves lets nobody do anything, after: ${text}`, async () => {
      await using admin = await connected(pair.one.port, { user: 'admin' })
      await using bed = open()
      await bed.route(rows('up', 'down'))
      await using client = await connected(bed.port)
      await client.query(text)
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
  }

  // The last of these ends a server.
  movingSessions(kind, pair)
})
