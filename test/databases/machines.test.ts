// A database on three machines with a disk each, and backups in a folder that all of them share:
// its members come over to TLS while clients write, and back; backups go on elsewhere, a restore
// reaches every member, and a member moves to another machine.

import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite, test } from 'node:test'
import { type Bed, openBed } from '../../bench/failover/bed.ts'
import { judge } from '../../bench/failover/judge.ts'
import type { Place } from '../../bench/failover/place.ts'
import type { Target } from '../../bench/failover/session.ts'
import type { DatabaseOrder } from '../../src/agent/api.ts'
import { ask } from '../../src/agent/client.ts'
import { isAlive } from '../../src/control/processes.ts'
import type { DatabaseOverview, DatabaseWork } from '../../src/databases/overview.ts'
import { isAcknowledgedKept } from '../../src/drills/checkers/acknowledged.ts'
import { describeAcknowledged } from '../../src/drills/checkers/describe.ts'
import { type Instant, instant } from '../../src/foundation/time.ts'
import { until } from '../engines/waiting.ts'
import { namespacesMissing } from '../hosts/namespaces.ts'
import { streamsOf } from './streams.ts'

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

/** As the application, at the door of one machine. */
async function doorOf({ socket }: Place): Promise<Target> {
  const { url } = await ask(socket, '/database-url', { database: 'orders', door: 'write' })
  const { username: user, password, port, pathname, protocol } = new URL(url)
  const engine = protocol.startsWith('postgres') ? 'postgresql' : 'mariadb'
  const database = pathname.slice(1)
  return { engine, host: '127.0.0.1', port: Number(port), user, password, database }
}

/** Statements through the door of one machine; the ids of the last one's rows. */
async function run(at: Place, ...statements: readonly string[]): Promise<readonly unknown[]> {
  const rows = await at.run(await doorOf(at), statements)
  return Array.isArray(rows) ? rows.map(({ id }) => id) : []
}

/**
 * A moment by now all of whose commits are kept, as this machine reads it. MariaDB writes commits
 * down by the second: the next one is begun before it, and is over after it.
 */
async function moment(at: Place, engine: Target['engine']): Promise<Instant> {
  const second = (): number => Math.floor(Date.now() / 1000)
  const committed = second()
  const isOver = (): boolean => engine === 'postgresql' || second() > committed
  await until('the second of the commits is over', isOver, patience)
  const now = instant(Date.now())
  const margin = engine === 'postgresql' ? 0 : 1000
  await until('the next one has begun', () => Date.now() > now + margin, patience)
  const isKept = async (): Promise<boolean> =>
    ((await seenOn(at))?.backups?.until ?? 0) > now + margin
  await until('all is received', isKept, patience)
  return now
}

/** Whether somebody who comes past the doors, in the clear, is let in by this member. */
async function isOpenInClear(bed: Bed, from: Place, member: string): Promise<boolean> {
  const { members = [] } = (await bed.look()) ?? {}
  const address = members.find(({ name }) => name === member)?.address ?? ''
  const [host = '', port] = address.split(':')
  const target = { ...(await doorOf(from)), host, port: Number(port) }
  return await from.run(target, ['SELECT 1 AS one']).then(
    () => true,
    () => false,
  )
}

const members = ['orders-1', 'orders-2', 'orders-3']

/** Members come over to TLS, or back, while clients write on every machine. */
async function changeTls(bed: Bed, at: Place, to: 'required' | 'plain'): Promise<void> {
  const { places } = bed
  const before = places.map((place) => place.history().length)
  await apply(at, (text) => text.replace(/tls: \w+/, `tls: ${to === 'required'}`))
  let seen: DatabaseOverview | undefined
  const isDone = async (): Promise<boolean> => {
    seen = await bed.look()
    return seen?.encryption === to && seen.rule === 'steady'
  }
  await until(`it is ${to}`, isDone, patience).catch((thrown: unknown) => {
    throw new Error(`${String(thrown)}: ${JSON.stringify(seen)}`)
  })
  // The last step is taken once all have told that they have taken the one before.
  const isTaken = async (): Promise<boolean> => {
    const open = await Promise.all(members.map((name) => isOpenInClear(bed, at, name)))
    return open.every((each) => each === (to === 'plain'))
  }
  await until('every member has taken the last step', isTaken, patience)
  await bed.well()
  const secured = to === 'required'
  const streams = async (): Promise<boolean> => {
    const all = await streamsOf(bed)
    return all.length === 2 && all.every((each) => each === secured)
  }
  await until('every stream is as it should be', streams, patience)
  for (const [index, place] of places.entries()) {
    const attempts = place.history().slice(before[index])
    const failed = attempts.filter(({ outcome }) => outcome !== 'ok')
    // A primary of MariaDB is started anew for it: each client has one statement under way then.
    const most = bed.options.engine === 'mariadb' ? 1 : 0
    assert.ok(attempts.length > 0 && failed.length <= most, JSON.stringify(failed.slice(0, 3)))
  }
}

/** That all members have the same; one that is just started anew is compared once it is there. */
async function assertSame(at: Place): Promise<void> {
  let line = ''
  const isCompared = async (): Promise<boolean> => {
    line = await carriedOut(at, { verb: 'verify', database: 'orders', repair: false }).catch(String)
    return !line.includes('ECONNREFUSED')
  }
  await until('all members are compared', isCompared, patience)
  assert.match(line, /all as on the primary/)
}

async function assertAllKept(bed: Bed): Promise<void> {
  for (const place of bed.places) {
    const verdict = await judge(bed, place)
    assert.ok(verdict.acknowledged > 100)
    assert.ok(isAcknowledgedKept(verdict), describeAcknowledged(verdict))
  }
}

/** Moves there as planned, unless it leads already. */
async function leads(bed: Bed, at: Place, member: string): Promise<void> {
  if ((await bed.look())?.primary === member) return
  await ask(at.socket, '/database', { verb: 'switchover', database: 'orders', to: member })
  const isSo = async (): Promise<boolean> => (await bed.look())?.primary === member
  await until(`${member} leads`, isSo, patience)
  await bed.well()
}

async function keep(engine: Target['engine']): Promise<void> {
  await using bed = await openBed({
    ...{ engine, where: 'machines', durability: 'quorum', tls: false },
    // Nobody is to be taken for lost where the processors are busy.
    within: '12s',
  })
  const [a, b, c] = ['a', 'b', 'c'].map((name) => placeIn(bed, name)) as [Place, Place, Place]
  const folder = join(dirname(a.folder), 'backups')
  const asked = `    backups: { to: ${folder}, every: 1d, keep: 2 }\n    bind:`
  await apply(a, (text) => text.replace('    bind:', asked))
  const isMade = async (): Promise<boolean> => (await seenOn(a))?.backups?.count === 1
  await until('a backup is made', isMade, patience)
  await changeTls(bed, a, 'required')
  await assertAllKept(bed)

  // The machine that makes them is lost, and the primary with it.
  await leads(bed, a, 'orders-1')
  await a.machine?.powerOff()
  const isReplaced = async (): Promise<boolean> => {
    const seen = await seenOn(b)
    return seen?.phase === 'serving' && seen.primary !== 'orders-1'
  }
  await until('another one serves', isReplaced, patience)
  await run(b, 'CREATE TABLE entries (id INT PRIMARY KEY)', 'INSERT INTO entries VALUES (1)')
  const between = await moment(b, engine)
  assert.equal((await seenOn(b))?.backups?.receiving, true)
  await run(b, 'INSERT INTO entries VALUES (2)')

  a.up()
  bed.write(a)
  await bed.well()
  await moment(b, engine)
  await carriedOut(b, { verb: 'restore', database: 'orders', to: between })
  await bed.well()
  for (const place of bed.places) {
    assert.deepEqual(await run(place, 'SELECT id FROM entries ORDER BY id'), [1], place.name)
  }
  await assertSame(c)
  await changeTls(bed, a, 'plain')
  await changeTls(bed, a, 'required')

  // A member gets another machine: it is copied there, and ended where it was.
  const on = (machines: string) => (text: string) =>
    text.replace(/members: .*/, `members: { on: [${machines}] }`).replace('quorum', 'async')
  await apply(a, on('a, b'))
  const guardOf = (place: Place, member: string): string =>
    join(place.folder, 's', 'databases', 'guards', `${member}.json`)
  await until('the third is gone', () => !existsSync(guardOf(c, 'orders-3')), patience)
  await bed.well()
  await leads(bed, a, 'orders-1')
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
}

for (const engine of ['postgresql', 'mariadb'] as const) {
  suite(`${engine} on three machines`, { skip: namespacesMissing() }, () => {
    test('comes over to TLS, is backed up, restored and moved', () => keep(engine))
  })
}
