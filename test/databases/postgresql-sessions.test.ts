// What an edge promises to clients of PostgreSQL while the server behind their address is replaced.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import pg from 'pg'
import {
  DatabaseBed,
  eventually,
  openPostgres,
  type ServerProcess,
} from '../support/database-bed.ts'
import { type Kind, type KnownClient, movingSessions, openBed, pairOf } from './moving-sessions.ts'

type Client = pg.Client & KnownClient

async function connected(port: number, more: pg.ClientConfig = {}): Promise<Client> {
  const client = Object.assign(
    new pg.Client({
      ...{ host: '127.0.0.1', port, user: 'app', password: 'secret', database: 'postgres' },
      ...more,
    }),
    { errors: [] as Error[], ended: false },
  )
  client.on('error', (error) => client.errors.push(error))
  client.on('end', () => {
    client.ended = true
  })
  await client.connect()
  return Object.assign(client, {
    [Symbol.asyncDispose]: () => client.end().catch(() => undefined),
  })
}

const serverOf = async (client: pg.Client): Promise<string> =>
  (await client.query<{ server: string }>('SELECT server()')).rows[0]!.server

const endless = 'SELECT pg_sleep(300)'

const isAsked = async (watch: pg.Client): Promise<boolean> => {
  const text = 'SELECT 1 FROM pg_stat_activity WHERE query = $1 AND state = $2'
  return (await watch.query(text, [endless, 'active'])).rowCount === 1
}

const kind: Kind<Client> = {
  ...{ protocol: 'postgresql', server: openPostgres, connected, serverOf, isAsked },
  async prepare(client, { id }) {
    await client.query('CREATE TABLE rows (id integer PRIMARY KEY, server text)')
    await client.query(`CREATE FUNCTION server() RETURNS text LANGUAGE sql RETURN '${id}'`)
  },
  say: (client, text) => client.query(text),
  insert(client, id, place) {
    const text = 'INSERT INTO rows VALUES ($1, server()) RETURNING server'
    const question = { text, values: [id] }
    // One of them has it prepared.
    return client.query(place === 0 ? { name: 'put', ...question } : question)
  },
  endless: (client) => assert.rejects(client.query(endless), { code: '08006' }).then(refuse),
}

/** It was refused as it should have been: that is told as a refusal. */
const refuse = (): never => {
  throw new Error('its server has ended')
}

const pair = pairOf(kind)
const open = (): DatabaseBed => openBed(kind.protocol)
const rows: typeof pair.rows = (first, second) => pair.rows(first, second)

suite('PostgreSQL behind an edge', () => {
  test('moves who rests without an error, and what they ask next is answered', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await using client = await connected(bed.port)
    assert.equal(await serverOf(client), 'one')
    await bed.route(rows('draining', 'down'))
    const asked = serverOf(client)
    await eventually('it is held', () => bed.held === 1)
    await bed.route(rows('down', 'up'))
    assert.equal(await asked, 'two')
    assert.deepEqual(client.errors, [])
  })

  test('cuts a transaction that outlasts the grace, and says so', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await using client = await connected(bed.port)
    await client.query('BEGIN')
    await bed.route(rows('draining', 'down'), 100)
    await eventually('it is cut', () => client.ended)
    assert.equal((client.errors[0] as { code?: string } | undefined)?.code, '08006')
  })

  test('says settings and prepared statements again at the next server', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await using client = await connected(bed.port, { application_name: 'shop' })
    await client.query('SET search_path TO pg_catalog, public')
    await client.query("SET statement_timeout = '61s'")
    await assert.rejects(client.query('SET work_mem = nonsense'))
    const named = { name: 'twice', text: 'SELECT $1::int * 2 AS twice' }
    assert.equal((await client.query({ ...named, values: [2] })).rows[0].twice, 4)
    await bed.route(rows('down', 'up'))
    assert.equal((await client.query({ ...named, values: [4] })).rows[0].twice, 8)
    const { rows: found } = await client.query(
      "SELECT current_setting('search_path') AS path," +
        " current_setting('statement_timeout') AS most," +
        " current_setting('application_name') AS name, public.server() AS server",
    )
    assert.deepEqual(found, [
      { path: 'pg_catalog, public', most: '61s', name: 'shop', server: 'two' },
    ])
  })

  for (const text of [
    'LISTEN news',
    'CREATE TEMP TABLE mine (id int)',
    'SELECT pg_advisory_lock(7)',
    "SELECT set_config('work_mem', '5MB', false)",
    'PREPARE mine AS SELECT 1',
  ]) {
    test(`ends politely, after the grace, who has something of its own: ${text}`, async () => {
      await using bed = open()
      await bed.route(rows('up', 'down'))
      await using client = await connected(bed.port)
      await client.query(text)
      await bed.route(rows('draining', 'down'))
      assert.equal(await serverOf(client), 'one')
      await bed.route(rows('draining', 'down'), 100)
      await eventually('it has ended', () => client.ended)
      assert.equal((client.errors[0] as { code?: string } | undefined)?.code, '57P01')
    })
  }

  test('does not move who logs in with a password that it does not know', async () => {
    await using bed = new DatabaseBed('postgresql', [])
    await bed.route(rows('up', 'down'))
    await using client = await connected(bed.port)
    await bed.route(rows('down', 'up'))
    await eventually('it has ended', () => client.ended)
    assert.equal((client.errors[0] as { code?: string } | undefined)?.code, '57P01')
  })

  test('passes a wrong password on as the server says it', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await assert.rejects(connected(bed.port, { password: 'wrong' }), { code: '28P01' })
  })

  test('tells who has waited as long as it may', async () => {
    await using bed = open()
    await bed.route(rows('down', 'down'), 60_000, 100)
    await assert.rejects(connected(bed.port), { code: '57P03' })
  })

  test('cancels what a session does, also after it has moved', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await using client = await connected(bed.port)
    await using other = await connected(bed.port)
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
    const cancelled = async (server: ServerProcess): Promise<void> => {
      const failed = assert.rejects(client.query(endless), { code: '57014' })
      await using watch = await connected(server.port)
      await eventually('it sleeps', () => isAsked(watch))
      await cancel(bed.port, processID, secretKey)
      await failed
    }
    await cancelled(pair.one)
    await bed.route(rows('down', 'up'))
    assert.equal(await serverOf(client), 'two')
    await cancelled(pair.two)
    assert.equal(await serverOf(other), 'two')
  })

  test('passes large answers, large questions and notices', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await using client = await connected(bed.port)
    const notices: string[] = []
    client.on('notice', ({ message }) => notices.push(message ?? ''))
    const big = await client.query("SELECT repeat('x', 1000) AS x FROM generate_series(1, 30000)")
    assert.equal(big.rowCount, 30_000)
    await client.query("DO $$ BEGIN RAISE NOTICE 'hear hear'; END $$")
    assert.deepEqual(notices, ['hear hear'])
    const long = 'y'.repeat(3_000_000)
    assert.equal((await client.query('SELECT length($1) AS n', [long])).rows[0].n, 3_000_000)
  })

  test('passes COPY both ways, and moves the session afterwards', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await using client = await connected(bed.port)
    await client.query('BEGIN; CREATE TABLE copied (n integer, text text)')
    const lines = Array.from({ length: 20_000 }, (_, n) => `${n}\tline ${n}\n`)
    await copy(client, 'COPY copied FROM STDIN', lines)
    assert.equal((await copy(client, 'COPY copied TO STDOUT')).join(''), lines.join(''))
    await client.query('ROLLBACK')
    await bed.route(rows('down', 'up'))
    assert.equal(await serverOf(client), 'two')
    assert.deepEqual(client.errors, [])
  })

  // The last of these ends a server.
  movingSessions(kind, pair)
})

interface CopyConnection {
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

/** Says a COPY and its data, and returns what it was given. */
function copy(client: pg.Client, text: string, lines: readonly string[] = []): Promise<string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<string[]>()
  const taken: string[] = []
  const nothing = (): void => undefined
  client.query({
    submit: (connection: CopyConnection) => connection.query(text),
    handleCopyInResponse(connection: CopyConnection) {
      for (const line of lines) connection.sendCopyFromChunk(Buffer.from(line))
      connection.endCopyFrom()
    },
    handleCopyData: ({ chunk }: { readonly chunk: Buffer }) => taken.push(chunk.toString()),
    handleCommandComplete: nothing,
    handleReadyForQuery: () => resolve(taken),
    handleError: reject,
  } as unknown as pg.Submittable)
  return promise
}

/** A CancelRequest, as clients send it: over a connection of its own, until that is closed. */
async function cancel(port: number, processId: number, key: number): Promise<void> {
  const { connect } = await import('node:net')
  const message = Buffer.alloc(16)
  for (const [at, number] of [16, 80877102, processId, key].entries()) {
    message.writeInt32BE(number, at * 4)
  }
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => undefined)
  socket.write(message)
  await new Promise((resolve) => socket.once('close', resolve))
}
