// What a keeper says could not be done is what is asked of it, and no longer than that. And what it
// tells of the set that its primary acknowledges by is what its guard goes by already.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ms } from '../foundation/time.ts'
import { VirtualClock } from '../simulation/clock.ts'
import { blank } from './blank-sight.ts'
import { type DatabaseBoard, firstRecord, nothingAsked, type Order } from './board.ts'
import { boundsFor, keeperEvery } from './budget.ts'
import type { MemberEngine, VouchPlan } from './engine.ts'
import type { Lease, ServerHost } from './host.ts'
import { openKeeper } from './keeper.ts'
import { nothingPromised } from './memory.ts'
import type { FailoverBounds, Request } from './model.ts'

const bounds = boundsFor(ms(4000), 'postgresql') as FailoverBounds
const settled = (): Promise<unknown> => new Promise(setImmediate)
const silent = { onChange: () => ({ [Symbol.dispose]: () => {} }) }

/** A replica that follows, whatever becomes of its orders, and its keeper. */
class Scene {
  readonly clock = new VirtualClock()
  readonly orders = new Map<string, Order>()
  request: Request | undefined
  isFull = false
  begun = 0
  /** What becomes of an order to follow. */
  follows: MemberEngine['follow'] = async () => {
    throw new Error('nobody answers at a')
  }
  readonly keeper = openKeeper({
    ...{ member: 'b', peers: [{ member: 'a', host: 'a', port: 1 }], clock: this.clock },
    ...{ lease: undefined, event: () => {}, bounds: () => bounds },
    freeBytes: () => Promise.resolve(2 ** 40),
    store: {
      load: () => nothingPromised,
      save: () => {
        if (this.isFull) throw new Error('no space left')
      },
    },
    engine: {
      can: { rewind: true, ackMost: 2 },
      look: async () => ({ ...blank, server: 'replica', upstream: 'a' }),
      follow: (order, signal) => {
        this.begun += 1
        return this.follows(order, signal)
      },
      refresh: async () => ({ outdated: undefined, refused: undefined }),
      [Symbol.asyncDispose]: async () => {},
    } as Partial<MemberEngine> as MemberEngine,
    host: {
      ...silent,
      observe: () => ({ kind: 'running', pid: 1, since: this.clock.now() }),
    } as Partial<ServerHost> as ServerHost,
    board: {
      ...silent,
      view: () => ({
        ...{ record: firstRecord, members: [], orders: this.orders, connected: true },
        wish: { ...nothingAsked, request: this.request },
      }),
      tell: async () => true,
    } as Partial<DatabaseBoard> as DatabaseBoard,
  })

  async pass(): Promise<void> {
    for (let looks = 0; looks < 4; looks += 1) {
      await settled()
      this.clock.run(keeperEvery)
    }
    await settled()
  }

  get trouble(): string | undefined {
    return this.keeper.sighting()?.trouble
  }
}

test('an order that nobody gives any more is no trouble', async () => {
  const scene = new Scene()
  await using _keeper = scene.keeper
  const action = { kind: 'follow', member: 'b', primary: 'a', way: 'follow' } as const
  scene.orders.set('b', { action, epoch: 1, version: 1 })
  await scene.pass()
  assert.equal(scene.trouble, 'nobody answers at a')
  scene.orders.clear()
  await scene.pass()
  assert.equal(scene.trouble, undefined)
})

test('an order that was given up for another, and is given again, is carried out', async () => {
  const scene = new Scene()
  await using _keeper = scene.keeper
  const ends = Promise.withResolvers<void>()
  scene.follows = () => ends.promise
  const action = { kind: 'follow', member: 'b', primary: 'a', way: 'follow' } as const
  const order: Order = { action, epoch: 1, version: 1 }
  scene.orders.set('b', order)
  await scene.pass()
  scene.orders.set('b', { ...order, action: { kind: 'fence', member: 'b' }, version: 2 })
  await scene.pass()
  scene.orders.set('b', { ...order, version: 3 })
  await scene.pass()
  assert.equal(scene.begun, 1)
  ends.reject(new Error('something else was ordered'))
  await settled()
  assert.equal(scene.begun, 2)
})

test('what could not be kept for want of room is no trouble once it is kept', async () => {
  const scene = new Scene()
  await using _keeper = scene.keeper
  scene.isFull = true
  scene.request = { kind: 'restart', members: ['b'], id: '1' }
  await scene.pass()
  assert.equal(scene.trouble, 'no space left')
  scene.isFull = false
  await scene.pass()
  assert.equal(scene.trouble, undefined)
})

test('nobody of a set vouches any more when others hear that it is used no more', async () => {
  const clock = new VirtualClock()
  const happened: string[] = []
  let acks = { members: ['b', 'c'], needed: 1 }
  let isLost = false
  await using _keeper = openKeeper({
    ...{ member: 'a', peers: [], clock, lease: { vouch: {} as VouchPlan }, event: () => {} },
    ...{ bounds: () => bounds, freeBytes: () => Promise.resolve(2 ** 40) },
    store: { load: () => nothingPromised, save: () => {} },
    engine: {
      can: { rewind: true, ackMost: 2 },
      look: async () => ({ ...blank, server: 'primary', acks, received: { line: 1, at: 1 } }),
      refresh: async () => ({ outdated: undefined, refused: undefined }),
      [Symbol.asyncDispose]: async () => {},
    } as Partial<MemberEngine> as MemberEngine,
    host: {
      ...silent,
      observe: () => ({ kind: 'running', pid: 1, since: clock.now() }),
      renew: (lease: Lease) => {
        happened.push(`${lease.vouch?.acks.members} may vouch`)
        assert.ok(lease.for <= bounds.lease)
      },
    } as Partial<ServerHost> as ServerHost,
    board: {
      ...silent,
      view: () => ({
        ...{ record: firstRecord, members: [], orders: new Map(), connected: true },
        wish: nothingAsked,
      }),
      tell: async (seen) => {
        happened.push(`heard of ${seen.acks?.members}`)
        if (isLost) throw new Error('the answer is lost')
        return true
      },
    } as Partial<DatabaseBoard> as DatabaseBoard,
  })
  await settled()
  assert.deepEqual(happened.splice(0), ['heard of b,c', 'b,c may vouch'])
  acks = { members: ['c', 'd'], needed: 1 }
  isLost = true
  clock.run(keeperEvery)
  await settled()
  assert.deepEqual(happened, ['c,d may vouch', 'heard of c,d'])
})
