// A whole agent keeps backups of a database: they are tried, and it is restored in place and as
// another one; and its members are compared.

import assert from 'node:assert/strict'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sessionOf, type Target } from '../../bench/failover/session.ts'
import type { DatabaseOrder } from '../../src/agent/api.ts'
import { ask } from '../../src/agent/client.ts'
import type { DatabaseOverview, DatabaseWork } from '../../src/databases/overview.ts'
import { Fault } from '../../src/foundation/fault.ts'
import { instant } from '../../src/foundation/time.ts'
import { freePorts, until } from '../engines/waiting.ts'
import { AdoptingAgent } from '../support/adopting.ts'
import { folderOf } from '../support/database-bed.ts'
import { removeRunFolder } from '../support/run-folder.ts'

const patience = 120_000

class Bed implements AsyncDisposable {
  readonly folder: string
  readonly agent: AdoptingAgent
  readonly ports: readonly number[]

  constructor(ports: readonly number[]) {
    this.folder = folderOf('alwayson-backups-')
    this.agent = new AdoptingAgent(this.folder, 'unused')
    this.ports = ports
  }

  file(more = '', backups = `{ to: ${this.folder}/backups, every: 1d, keep: 2, try_every: 1d }`) {
    const [write, one, two] = this.ports
    return `
name: kept
edges: 1
databases:
  orders:
    engine: postgresql
    members: { count: 2, ports: [${one}, ${two}] }
    durability: async
    data: ${this.folder}/data
    bind: 127.0.0.1:${write}
    ${backups === '' ? '' : `backups: ${backups}`}
${more}`
  }

  ask(order: DatabaseOrder): Promise<{ readonly work?: string }> {
    return ask(join(this.folder, 's', 'agent.sock'), '/database', order)
  }

  async look(name: string): Promise<DatabaseOverview | undefined> {
    const { databases } = await ask(join(this.folder, 's', 'agent.sock'), '/status', {})
    return databases?.find((each) => each.name === name)
  }

  async well(name: string): Promise<void> {
    await until(
      `${name} is well`,
      async () => (await this.look(name))?.standing === 'good',
      patience,
    )
  }

  /** How a piece of work ended: of this id, or the last of its kind. */
  async ended(which: (work: DatabaseWork) => boolean): Promise<DatabaseWork['ended']> {
    let found: DatabaseWork | undefined
    await until(
      'work has ended',
      async () => {
        found = (await this.look('orders'))?.work.findLast(which)
        return found?.ended !== undefined
      },
      patience,
    )
    return found?.ended
  }

  async carriedOut(order: DatabaseOrder): Promise<string> {
    const { work } = await this.ask(order)
    const ended = await this.ended(({ id }) => id === work)
    assert.ok(ended?.well === true, ended?.line ?? '')
    return ended.line
  }

  async query(name: string, text: string) {
    const socket = join(this.folder, 's', 'agent.sock')
    const { url } = await ask(socket, '/database-url', { database: name, door: 'write' })
    const { username: user, password, port, pathname } = new URL(url)
    const target: Target = {
      ...{ engine: 'postgresql', host: '127.0.0.1', port: Number(port), user, password },
      database: pathname.slice(1),
    }
    const session = await sessionOf(target)
    try {
      return await session.run(text)
    } finally {
      await session.end()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]()
    removeRunFolder(join(this.folder, 's'))
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const ids = async (bed: Bed, name: string): Promise<readonly unknown[]> =>
  (await bed.query(name, 'SELECT id FROM entries ORDER BY id')).map(({ id }) => id)

test('an agent backs up, tries, restores and verifies a database', async () => {
  await using bed = new Bed(await freePorts(6))
  const path = join(bed.folder, 'alwayson.yaml')
  writeFileSync(path, bed.file())
  await bed.agent.up(path)
  await bed.well('orders')
  const trial = await bed.ended(({ kind }) => kind === 'trial')
  assert.ok(trial?.well === true, trial?.line ?? '')

  await bed.query('orders', 'CREATE TABLE entries (id INT PRIMARY KEY)')
  await bed.query('orders', 'INSERT INTO entries VALUES (1)')
  const between = instant(Date.now())
  await bed.query('orders', 'INSERT INTO entries VALUES (2)')
  const both = instant(Date.now())
  await until(
    'the log is received',
    async () => ((await bed.look('orders'))?.backups?.until ?? 0) > both,
    patience,
  )
  await assert.rejects(
    bed.ask({ verb: 'restore', database: 'orders', to: instant(1000), as: 'then' }),
    (thrown: unknown) =>
      thrown instanceof Fault && /is not among what is kept/.test(thrown.message),
  )

  const epoch = (await bed.look('orders'))?.epoch ?? 0
  await bed.carriedOut({ verb: 'restore', database: 'orders', to: between })
  assert.deepEqual(await ids(bed, 'orders'), [1])
  await bed.well('orders')
  const after = await bed.look('orders')
  assert.ok((after?.epoch ?? 0) > epoch)
  assert.match(after?.proofs[0]?.says ?? '', /restored/)

  // What that undid is still kept, and is had again beside it.
  const line = await bed.carriedOut({ verb: 'restore', database: 'orders', to: both, as: 'both' })
  assert.match(line, /databases: both: \{ engine: postgresql/)
  const [, , , write, one, two] = bed.ports
  await bed.agent.apply(
    bed.file(`  both:
    engine: postgresql
    members: { count: 2, ports: [${one}, ${two}] }
    durability: async
    data: ${bed.folder}/data
    bind: 127.0.0.1:${write}
    app: { user: orders, database: orders }
`),
    false,
  )
  await bed.well('both')
  assert.deepEqual(await ids(bed, 'both'), [1, 2])

  const verified = await bed.carriedOut({ verb: 'verify', database: 'orders', repair: false })
  assert.match(verified, /compared on orders-2: all as on the primary/)
  assert.ok(existsSync(join(bed.folder, 'backups', 'orders')))

  // Once the file asks for none, nothing of the log is kept for them.
  const slots = "SELECT FROM pg_replication_slots WHERE slot_name = 'alwayson__archive'"
  assert.equal((await bed.query('orders', slots)).length, 1)
  await bed.agent.apply(bed.file('', ''), false)
  await until('it is let go', async () => (await bed.query('orders', slots)).length === 0, patience)
})
