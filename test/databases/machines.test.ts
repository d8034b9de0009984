// A database on three machines with a disk each, and backups in a folder that all of them share:
// they go on elsewhere, a restore reaches every member, and a member moves to another machine.

import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { type Bed, openBed } from '../../bench/failover/bed.ts'
import type { Place } from '../../bench/failover/place.ts'
import type { DatabaseOrder } from '../../src/agent/api.ts'
import { ask } from '../../src/agent/client.ts'
import { isAlive } from '../../src/control/processes.ts'
import type { DatabaseOverview, DatabaseWork } from '../../src/databases/overview.ts'
import { type Instant, instant } from '../../src/foundation/time.ts'
import { until } from '../engines/waiting.ts'
import { namespacesMissing } from '../hosts/namespaces.ts'

const patience = 240_000

const placeIn = (bed: Bed, name: string): Place => {
  const found = bed.places.find((place) => place.name === name)
  if (found === undefined) throw new Error(`there is no machine ${name}`)
  return found
}

/** How it is, as the agent of one machine has it; undefined while that does not answer. */
async function seenOn({ socket }: Place): Promise<DatabaseOverview | undefined> {
  try {
    const { databases } = await ask(socket, '/status', {}, AbortSignal.timeout(10_000))
    return databases?.find(({ name }) => name === 'orders')
  } catch {
    return undefined
  }
}

/** Applies the file with other words in it, on one machine for all. */
async function apply(at: Place, change: (text: string) => string): Promise<void> {
  const path = join(at.folder, 'alwayson.yaml')
  const text = change(readFileSync(path, 'utf8'))
  await ask(at.socket, '/apply', { path, text, env: {}, dryRun: false })
  writeFileSync(path, text)
}

/** Long work, asked for on one machine, to its end. */
async function carriedOut(at: Place, order: DatabaseOrder): Promise<string> {
  const { work } = await ask(at.socket, '/database', order)
  let found: DatabaseWork | undefined
  const hasEnded = async (): Promise<boolean> => {
    found = (await seenOn(at))?.work.find(({ id }) => id === work)
    return found?.ended !== undefined
  }
  await until(`${order.verb} has ended`, hasEnded, patience)
  assert.ok(found?.ended?.well === true, found?.ended?.line ?? '')
  return found.ended.line
}

/** Statements through the door of one machine; the ids of the last one's rows. */
async function run(at: Place, ...statements: readonly string[]): Promise<readonly unknown[]> {
  const { url } = await ask(at.socket, '/database-url', { database: 'orders', door: 'write' })
  const { username: user, password, port, pathname } = new URL(url)
  const where = { engine: 'postgresql', host: '127.0.0.1', port: Number(port) } as const
  const rows = await at.run({ ...where, user, password, database: pathname.slice(1) }, statements)
  return rows.map(({ id }) => id)
}

/** A moment by now all of whose commits are kept, as this machine reads it. */
async function moment(at: Place): Promise<Instant> {
  const now = instant(Date.now())
  const isKept = async (): Promise<boolean> => ((await seenOn(at))?.backups?.until ?? 0) > now
  await until('all is received', isKept, patience)
  return now
}

test('backups, a restore and a move on three machines', { skip: namespacesMissing() }, async () => {
  await using bed = await openBed({
    ...{ engine: 'postgresql', where: 'machines', durability: 'quorum' },
  })
  const [a, b, c] = ['a', 'b', 'c'].map((name) => placeIn(bed, name)) as [Place, Place, Place]
  const folder = join(dirname(a.folder), 'backups')
  const asked = `    backups: { to: ${folder}, every: 1d, keep: 2 }\n    bind:`
  await apply(a, (text) => text.replace('    bind:', asked))
  const isMade = async (): Promise<boolean> => (await seenOn(a))?.backups?.count === 1
  await until('a backup is made', isMade, patience)

  // The machine that makes them is lost, and the primary with it.
  assert.equal((await bed.look())?.primary, 'orders-1')
  await a.machine?.powerOff()
  const isReplaced = async (): Promise<boolean> => {
    const seen = await seenOn(b)
    return seen?.phase === 'serving' && seen.primary !== 'orders-1'
  }
  await until('another one serves', isReplaced, patience)
  await run(b, 'CREATE TABLE entries (id INT PRIMARY KEY)', 'INSERT INTO entries VALUES (1)')
  const between = await moment(b)
  assert.equal((await seenOn(b))?.backups?.receiving, true)
  await run(b, 'INSERT INTO entries VALUES (2)')

  a.up()
  bed.write(a)
  await bed.well()
  await moment(b)
  await carriedOut(b, { verb: 'restore', database: 'orders', to: between })
  await bed.well()
  for (const place of bed.places) {
    assert.deepEqual(await run(place, 'SELECT id FROM entries ORDER BY id'), [1], place.name)
  }
  const verified = await carriedOut(c, { verb: 'verify', database: 'orders', repair: false })
  assert.match(verified, /all as on the primary/)

  // A member gets another machine: it is copied there, and ended where it was.
  const on = (machines: string) => (text: string) =>
    text.replace(/members: .*/, `members: { on: [${machines}] }`).replace('quorum', 'async')
  await apply(a, on('a, b'))
  const guardOf = (place: Place, member: string): string =>
    join(place.folder, 's', 'databases', 'guards', `${member}.json`)
  await until('the third is gone', () => !existsSync(guardOf(c, 'orders-3')), patience)
  await bed.well()
  if ((await bed.look())?.primary !== 'orders-1') {
    await ask(a.socket, '/database', { verb: 'switchover', database: 'orders', to: 'orders-1' })
    const leads = async (): Promise<boolean> => (await bed.look())?.primary === 'orders-1'
    await until('the first one leads', leads, patience)
    await bed.well()
  }
  const { guard, server } = b.record('orders-2')
  await apply(a, on('a, c'))
  const hasMoved = async (): Promise<boolean> => {
    const second = (await bed.look())?.members.find(({ name }) => name === 'orders-2')
    return second?.machine === 'c' && second.standing === 'good'
  }
  await until('the second one is there', hasMoved, patience)
  await until('its guard is gone', () => !existsSync(guardOf(b, 'orders-2')), patience)
  assert.ok(!isAlive(guard) && (server === undefined || !isAlive(server)))
  assert.deepEqual(await run(b, 'SELECT id FROM entries ORDER BY id'), [1])
})
