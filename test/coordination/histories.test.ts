// Histories of concurrent clients, while connections are cut, are possible of one register; and
// histories of registers that lie are not.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { ZooKeeperClient } from '../../src/coordination/client/client.ts'
import { openZooKeeper as openClient } from '../../src/coordination/client/client.ts'
import { isZooKeeperError } from '../../src/coordination/client/errors.ts'
import { openDial } from '../../src/coordination/client/transport.ts'
import { below, openRandom, type Random, seededRandom } from '../../src/foundation/random.ts'
import { ms } from '../../src/foundation/time.ts'
import { faultyDial } from '../conformance/faulty-dial.ts'
import { openEmbedded } from '../engines/embedded.ts'
import { openEnsemble, openZooKeeper, zookeeperMissing } from '../engines/zookeeper.ts'
import { firstReadBackwards, isLinearizable, type Operation } from './histories.ts'

const path = '/register'
const clients = 4
const turns = 40
const quick = { first: ms(1), factor: 2, most: ms(20), jitter: 0.5 }

interface History {
  readonly operations: readonly Operation[]
  /** All values in the order in which the server made them versions. */
  readonly order: readonly string[]
}

/** How a client asks; a control asks wrongly on purpose. */
type Ask = (client: ZooKeeperClient) => Promise<string>

const read: Ask = async (client) => (await client.getData(path)).data.toString()
const syncedRead: Ask = async (client) => {
  await client.sync(path)
  return read(client)
}

/** Lets clients write, compare and read at once, and cuts some of them off now and then. */
async function record(hosts: string, seed: number, synced: Ask = syncedRead): Promise<History> {
  await using stack = new AsyncDisposableStack()
  const keeper = stack.use(openClient(hosts, { timeout: ms(8000) }))
  await keeper.create(path, 'start')
  const versions = new Map<number, string>([[0, 'start']])
  const operations: Operation[] = []
  await Promise.all(
    Array.from({ length: clients }, async (_, id) => {
      const random = seededRandom(seed, `client-${id}`)
      const network = faultyDial(openDial(openRandom()))
      const client = stack.use(
        openClient(hosts, { timeout: ms(8000), backoff: quick, dial: network.dial }),
      )
      await client.connected()
      await client.sync(path)
      for (let turn = 0; turn < turns; turn += 1) {
        if (random.next() < 0.05) setImmediate(() => network.cut())
        operations.push(await act(client, id, `${id}.${turn}`, random, versions, synced))
      }
    }),
  )
  const order = [...versions].toSorted(([one], [other]) => one - other).map(([, value]) => value)
  await keeper.delete(path)
  return { operations, order }
}

/** One operation of one client, drawn by chance. */
async function act(
  client: ZooKeeperClient,
  id: number,
  value: string,
  random: Random,
  versions: Map<number, string>,
  synced: Ask,
): Promise<Operation> {
  const choice = below(random, 4)
  const began = performance.now()
  const base = { client: id, began }
  let kind: Operation['kind'] = 'read'
  let replaced: string | undefined
  try {
    if (choice === 0) {
      kind = 'write'
      const { version } = await client.setData(path, value)
      versions.set(version, value)
      return { ...base, ended: performance.now(), kind, value, outcome: 'done' }
    }
    if (choice === 1) {
      const before = await client.getData(path)
      kind = 'compare-and-set'
      replaced = before.data.toString()
      const { version } = await client.setData(path, value, { version: before.stat.version })
      versions.set(version, value)
      return { ...base, ended: performance.now(), kind, value, replaced, outcome: 'done' }
    }
    kind = choice === 2 ? 'synced-read' : 'read'
    const seen = choice === 2 ? await synced(client) : await read(client)
    return { ...base, ended: performance.now(), kind, value: seen, outcome: 'done' }
  } catch (thrown) {
    const ended = Number.POSITIVE_INFINITY
    const more = replaced === undefined ? {} : { replaced }
    if (isZooKeeperError(thrown, 'connection-loss')) {
      const outcome = thrown.maybeApplied && kind !== 'read' ? 'unknown' : 'refused'
      return { ...base, ended, kind, value, ...more, outcome }
    }
    if (!isZooKeeperError(thrown, 'bad-version')) throw thrown
    return { ...base, ended, kind, value, ...more, outcome: 'refused' }
  }
}

/** Reads of writes whose answer was lost are left out of the order: nobody knows their place. */
function judge({ operations, order }: History): void {
  assert.ok(isLinearizable(operations, 'start'), 'no order of the writes explains what was seen')
  const known = new Set(order)
  const certain = operations.filter(({ value }) => known.has(value))
  const backwards = firstReadBackwards(certain, order)
  assert.equal(backwards, undefined, `went back: ${JSON.stringify(backwards)}`)
}

const done = (
  client: number,
  began: number,
  ended: number,
  kind: Operation['kind'],
  value: string,
  replaced?: string,
): Operation => ({
  client,
  began,
  ended,
  kind,
  value,
  outcome: 'done',
  ...(replaced === undefined ? {} : { replaced }),
})

suite('a judge of histories', () => {
  test('finds the order of writes that overlap, and of one whose answer was lost', () => {
    const lost: Operation = { ...done(2, 0, 0, 'write', 'c'), ended: Infinity, outcome: 'unknown' }
    const history = [
      done(0, 0, 10, 'write', 'a'),
      done(1, 1, 9, 'write', 'b'),
      done(2, 11, 12, 'synced-read', 'a'),
      lost,
      done(0, 13, 14, 'synced-read', 'c'),
      done(1, 15, 16, 'compare-and-set', 'd', 'c'),
    ]
    assert.ok(isLinearizable(history, 'start'))
    assert.ok(isLinearizable([], 'start'))
  })

  test('refuses a lost update, a value from the past, and one nobody wrote', () => {
    const cases: readonly (readonly Operation[])[] = [
      [
        done(0, 0, 1, 'compare-and-set', 'a', 'start'),
        done(1, 2, 3, 'compare-and-set', 'b', 'start'),
      ],
      [done(0, 0, 1, 'write', 'a'), done(1, 2, 3, 'synced-read', 'start')],
      [done(0, 0, 1, 'synced-read', 'ghost')],
      [
        done(0, 0, 1, 'write', 'a'),
        done(0, 2, 3, 'write', 'b'),
        done(1, 4, 5, 'synced-read', 'b'),
        done(2, 6, 7, 'synced-read', 'a'),
      ],
    ]
    for (const history of cases) assert.ok(!isLinearizable(history, 'start'))
  })

  test('finds the read that went back', () => {
    const order = ['start', 'a', 'b']
    const back = done(0, 2, 3, 'read', 'a')
    assert.equal(firstReadBackwards([done(0, 0, 1, 'read', 'b'), back], order), back)
    assert.equal(firstReadBackwards([done(0, 0, 1, 'write', 'b'), back], order), back)
    assert.equal(firstReadBackwards([done(1, 0, 1, 'read', 'b'), back], order), undefined)
  })
})

suite('histories of concurrent clients', () => {
  test('are those of one register on the embedded server', async () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      await using server = await openEmbedded()
      judge(await record(`127.0.0.1:${server.port}`, seed))
    }
  })

  const missing = zookeeperMissing()
  test('are those of one register on Apache ZooKeeper', { skip: missing }, async () => {
    await using server = await openZooKeeper()
    for (let seed = 1; seed <= 5; seed += 1) judge(await record(`127.0.0.1:${server.port}`, seed))
  })

  test('are those of one register on an ensemble', { skip: missing }, async () => {
    await using ensemble = await openEnsemble()
    for (let seed = 1; seed <= 3; seed += 1) judge(await record(ensemble.hosts, seed))
  })

  test('are found out when reads that should be of now are of the past', async () => {
    await using server = await openEmbedded()
    let stale = 'start'
    /** A register whose reads lag by one: what a server that answers too early would do. */
    const lagging: Ask = async (client) => {
      const value = stale
      stale = await syncedRead(client)
      return value
    }
    const { operations } = await record(`127.0.0.1:${server.port}`, 1, lagging)
    assert.ok(!isLinearizable(operations, 'start'))
  })
})
