// What an edge promises to clients of PostgreSQL while the server behind their address is replaced.

import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import pg from 'pg'
import { ms, openClock, sleep } from '../../src/foundation/time.ts'
import {
  DatabaseBed,
  eventually,
  openPostgres,
  type ServerProcess,
} from '../support/database-bed.ts'

const clock = openClock()
const accounts = [{ user: 'app', password: 'secret' }]

/** Two servers that know nothing of each other: which one answers can be asked. */
let one: ServerProcess
let two: ServerProcess

before(async () => {
  ;[one, two] = await Promise.all([openPostgres('one'), openPostgres('two')])
  for (const server of [one, two]) {
    const client = await connected(server.port)
    await client.query('CREATE TABLE rows (id integer PRIMARY KEY, server text)')
    await client.query(`CREATE FUNCTION server() RETURNS text LANGUAGE sql RETURN '${server.id}'`)
    await client.end()
  }
})

after(async () => {
  await Promise.all([one?.[Symbol.asyncDispose](), two?.[Symbol.asyncDispose]()])
})

interface Client extends pg.Client, AsyncDisposable {
  /** Errors that came while nothing was asked, and whether the connection has ended. */
  readonly errors: Error[]
  ended: boolean
}

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

const open = (): DatabaseBed => new DatabaseBed('postgresql', accounts)
const rows = (first: 'up' | 'draining' | 'down', second: 'up' | 'down') => [
  one.row(first),
  two.row(second),
]

suite('PostgreSQL behind an edge', () => {
  test('holds who comes while nobody is primary, and lets them in when somebody is', async () => {
    await using bed = open()
    await bed.route(rows('down', 'down'))
    const coming = connected(bed.port)
    await eventually('it is held', () => bed.held === 1)
    await bed.route(rows('down', 'up'))
    await using client = await coming
    assert.equal(await serverOf(client), 'two')
  })

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

  test('lets a transaction end where it began', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    await using client = await connected(bed.port)
    await client.query('BEGIN')
    await bed.route(rows('draining', 'down'))
    assert.equal(await serverOf(client), 'one')
    await client.query('COMMIT')
    const asked = serverOf(client)
    await bed.route(rows('down', 'up'))
    assert.equal(await asked, 'two')
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

  test('writers of one row each ten milliseconds see no error across three moves', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    const clients = await Promise.all([1, 2, 3].map(() => connected(bed.port)))
    let done = 0
    let isOver = false
    const writing = clients.map(async (client, place) => {
      for (let n = 0; !isOver; n += 1) {
        const id = n * 10 + place
        const text = 'INSERT INTO rows VALUES ($1, server()) RETURNING server'
        await client.query(
          place === 0 ? { name: 'put', text, values: [id] } : { text, values: [id] },
        )
        done += 1
        await sleep(clock, ms(10))
      }
    })
    for (const to of ['two', 'one', 'two']) {
      const seen = done
      await eventually('they write', () => done > seen + 20)
      const isTwo = to === 'two'
      await bed.route([one.row(isTwo ? 'draining' : 'down'), two.row(isTwo ? 'down' : 'draining')])
      await eventually('all wait', () => bed.held === 3)
      await bed.route([one.row(isTwo ? 'down' : 'up'), two.row(isTwo ? 'up' : 'down')])
    }
    const seen = done
    await eventually('they write', () => done > seen + 20)
    isOver = true
    await Promise.all(writing)
    assert.deepEqual(
      clients.flatMap(({ errors }) => errors),
      [],
    )
    for (const client of clients) assert.equal(await serverOf(client), 'two')
    await Promise.all(clients.map((client) => client.end()))
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
      const failed = assert.rejects(client.query('SELECT pg_sleep(300)'), { code: '57014' })
      await using watch = await connected(server.port)
      await eventually('it sleeps', async () => {
        const text = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(300)'"
        return (await watch.query(`${text} AND state = 'active'`)).rowCount === 1
      })
      await cancel(bed.port, processID, secretKey)
      await failed
    }
    await cancelled(one)
    await bed.route(rows('down', 'up'))
    assert.equal(await serverOf(client), 'two')
    await cancelled(two)
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

  test('keeps who rests when the server crashes, and tells who waits for an answer', async () => {
    await using bed = open()
    await bed.route(rows('up', 'down'))
    const resting = await Promise.all([1, 2, 3, 4].map(() => connected(bed.port)))
    await using busy = await connected(bed.port)
    const failed = assert.rejects(busy.query('SELECT pg_sleep(300)'), { code: '08006' })
    await using watch = await connected(one.port)
    await eventually('it sleeps', async () => {
      const text = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(300)'"
      return (await watch.query(`${text} AND state = 'active'`)).rowCount === 1
    })
    await one.end('SIGKILL')
    await failed
    const asked = resting.map(serverOf)
    await eventually('all wait', () => bed.held === 4)
    await bed.route(rows('down', 'up'))
    assert.deepEqual(await Promise.all(asked), ['two', 'two', 'two', 'two'])
    assert.deepEqual(
      resting.flatMap(({ errors }) => errors),
      [],
    )
    await Promise.all(resting.map((client) => client.end()))
  })
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
