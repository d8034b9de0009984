// What an operator types to keep a database: backups, their trials, restores to a moment, beside it
// and in place, and members that are compared and mended. Each word goes through the command line
// and an agent.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { type Session, sessionOf } from '../../bench/failover/session.ts'
import { restingPorts } from '../../bench/lib/ports.ts'
import { until } from '../engines/waiting.ts'
import { type Engine, Place, patience, type Ran } from './place.ts'
import { tamper, textOf } from './tampering.ts'

/** As the application, through its address. */
async function asApplication(place: Place, database: string): Promise<Session> {
  const { out } = await place.run('url', database)
  const { username: user, password, port, pathname } = new URL(out.trim())
  const target = { engine: place.engine, host: '127.0.0.1', port: Number(port), user, password }
  return await sessionOf({ ...target, database: pathname.slice(1) })
}

/** One statement of the application; the first value of each row. */
async function ask(place: Place, database: string, text: string): Promise<readonly unknown[]> {
  const session = await asApplication(place, database)
  const rows: unknown = await session.run(text)
  await session.end()
  return Array.isArray(rows) ? rows.map((row) => Object.values(row)[0]) : []
}

const ids = (place: Place, database: string): Promise<readonly unknown[]> =>
  ask(place, database, 'SELECT id FROM entries ORDER BY id')

async function insert(place: Place, id: number): Promise<void> {
  const session = await asApplication(place, 'orders')
  await session.run(`INSERT INTO entries VALUES (${id}, '${textOf(id)}')`)
  await session.end()
}

/**
 * A moment after all that was committed so far and before all that is from now on. MariaDB writes
 * commits down by the second, and within one they count from when they were received.
 */
async function moment(place: Place): Promise<string> {
  const second = (): number => Math.floor(Date.now() / 1000)
  const committed = second()
  const isOver = (): boolean => place.engine === 'postgresql' || second() > committed
  await until('the second of the commits is over', isOver, patience)
  const now = Date.now()
  const margin = place.engine === 'postgresql' ? 0 : 1000
  await until('the next second has begun', () => Date.now() > now + margin, patience)
  const isKept = async (): Promise<boolean> =>
    ((await place.look())?.backups?.until ?? 0) > now + margin
  await until('all is received', isKept, patience)
  return new Date(now).toISOString()
}

const done = ({ code, out, err }: Ran): string => {
  assert.equal(code, 0, `${out}${err}`)
  return `${out}${err}`
}

/** The first backup is made, and the last tried; another is made when asked for. */
async function backUp(place: Place): Promise<void> {
  const count = async (): Promise<number> => (await place.look())?.backups?.count ?? 0
  await until('the first backup is made', async () => (await count()) === 1, patience)
  const trial = async () => (await place.look())?.work.find(({ kind }) => kind === 'trial')?.ended
  await until('it is tried', async () => (await trial()) !== undefined, patience)
  const { well, line } = (await trial()) ?? {}
  assert.ok(well === true, line ?? '')
  assert.match(done(await place.run('backup', 'orders')), /stored/)
  assert.equal(await count(), 2)
}

/** Back to a moment in place, and to a later one as another database, which then runs beside it. */
async function restore(place: Place, backups: string): Promise<void> {
  await insert(place, 1)
  const between = await moment(place)
  await insert(place, 2)
  const both = await moment(place)
  const tooEarly = ['--to', '2001-01-01T00:00:00Z', '--in-place']
  const refused = await place.run('restore', 'orders', ...tooEarly)
  assert.equal(refused.code, 1)
  assert.match(refused.err, /is not among what is kept/)

  const epoch = (await place.look())?.epoch ?? 0
  const inPlace = await place.run('restore', 'orders', '--to', between, '--in-place')
  assert.match(done(inPlace), /orders-1 leads from epoch/)
  const after = await place.well()
  assert.deepEqual(await ids(place, 'orders'), [1])
  assert.ok((after.epoch ?? 0) > epoch)
  assert.match(after.proofs[0]?.says ?? '', /restored/)

  // What that undid is still kept, and is had again beside it.
  const beside = done(await place.run('restore', 'orders', '--to', both, '--as', 'both'))
  assert.match(beside, new RegExp(`databases: both: \\{ engine: ${place.engine}`))
  const [door, ...ports] = await restingPorts(3)
  const lines = [
    ...['  both:', `    engine: ${place.engine}`, `    bind: 127.0.0.1:${door}`],
    '    app: { user: orders, database: orders }',
    `    members: { count: 2, ports: [${ports.join(', ')}] }`,
    ...['    durability: async', `    data: ${place.data}`],
  ]
  place.write(`${backups}${lines.join('\n')}\n`)
  done(await place.run('apply'))
  await place.well('both')
  assert.deepEqual(await ids(place, 'both'), [1, 2])
}

/** Writes on until it is disposed, on a table of its own; every row that was acknowledged. */
class Writer implements AsyncDisposable {
  readonly acknowledged: number[] = []
  readonly #session: Session
  readonly #running: Promise<void>
  #isOver = false

  constructor(session: Session) {
    this.#session = session
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    for (let id = 1; !this.#isOver; id += 1) {
      await this.#session.run(`INSERT INTO later VALUES (${id})`)
      this.acknowledged.push(id)
    }
    await this.#session.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    await this.#running
  }
}

/** What a replica has otherwise is found to the row and mended, while the application writes. */
async function verify(place: Place): Promise<void> {
  await ask(place, 'orders', 'CREATE TABLE later (id INT PRIMARY KEY)')
  for (let id = 3; id <= 6; id += 1) await insert(place, id)
  assert.match(done(await place.run('verify', 'orders')), /all as on the primary/)
  const { primary, members } = await place.well()
  const replica = members.find(({ name }) => name !== primary)?.name ?? ''
  await tamper(place, replica, { changed: 3, lost: 5 })
  const writer = new Writer(await asApplication(place, 'orders'))
  {
    await using _ = writer
    const { code, out, err } = await place.run('verify', 'orders')
    assert.equal(code, 1)
    const [table, quote] =
      place.engine === 'mariadb' ? ['orders.entries', "'"] : ['orders.public.entries', '']
    for (const [id, how] of [
      [3, 'not as on the primary'],
      [5, 'missing'],
    ]) {
      const said = `${replica}: ${table}, 1 row ${how} (id=${quote}${id}${quote})`
      assert.ok(`${out}${err}`.includes(said), err)
    }
    assert.match(err, /alwayson verify orders --repair/)
    const mended = done(await place.run('verify', 'orders', '--repair'))
    assert.match(mended, /copied anew: .*all as on the primary/)
    assert.match(done(await place.run('verify', 'orders')), /all as on the primary/)
  }
  assert.equal((await place.well()).primary, primary)
  assert.deepEqual(await ids(place, 'orders'), [1, 3, 4, 5, 6])
  const later = await ask(place, 'orders', 'SELECT id FROM later ORDER BY id')
  assert.ok(writer.acknowledged.length > 0)
  assert.deepEqual(later, writer.acknowledged)
}

/** Once the file asks for no backups, nothing of the log is kept for them. */
async function letGo(place: Place): Promise<void> {
  if (place.engine === 'mariadb') return
  const slots = "SELECT slot_name FROM pg_replication_slots WHERE slot_name = 'alwayson__archive'"
  assert.equal((await ask(place, 'orders', slots)).length, 1)
  place.write('')
  done(await place.run('apply'))
  const isGone = async (): Promise<boolean> => (await ask(place, 'orders', slots)).length === 0
  await until('it is let go', isGone, patience)
  assert.ok(existsSync(join(place.folder, 'backups', 'orders')))
}

async function keep(engine: Engine): Promise<void> {
  await using place = await Place.open(engine)
  const to = join(place.folder, 'backups')
  const backups = `    backups: { to: ${to}, every: 1d, keep: 3, try_every: 1d }\n`
  place.write(backups)
  await place.up()
  await place.well()
  await ask(place, 'orders', 'CREATE TABLE entries (id INT PRIMARY KEY, text VARCHAR(20))')
  await backUp(place)
  await restore(place, backups)
  await verify(place)
  await letGo(place)
}

for (const engine of ['mariadb', 'postgresql'] as const) {
  suite(`a database of ${engine}, by the command line`, () => {
    test('is backed up, tried, restored, compared and mended', () => keep(engine))
  })
}
