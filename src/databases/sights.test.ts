// What a keeper sees: a server that hangs has failed since it does, not since somebody has given up
// waiting for it; and what a server has forgotten is known to the next keeper as well.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant, ms } from '../foundation/time.ts'
import { VirtualClock } from '../simulation/clock.ts'
import type { DatabaseBoard } from './board.ts'
import { boundsFor, keeperEvery } from './budget.ts'
import type { MemberEngine, ServerSight } from './engine.ts'
import type { ServerHost } from './host.ts'
import { type KeeperMemory, nothingPromised, Remembered } from './memory.ts'
import type { FailoverBounds } from './model.ts'
import { lookWithin, Sights } from './sights.ts'

const serving: ServerSight = {
  ...{ server: 'primary', why: undefined, writable: true, upstream: undefined, lag: undefined },
  ...{ received: { line: 1, at: 10 }, applied: undefined, receivedAt: undefined },
  ...{ acks: undefined, diverged: false, receivers: {}, clients: 0 },
}

const acks = { members: ['b', 'c'], needed: 1 }
const followed = { ...serving, acks, receivers: { b: { line: 1, at: 10 } } }
/** What an engine makes of a server that it could not ask. */
const silent: ServerSight = {
  ...{ ...followed, received: undefined, receivers: {}, writable: false },
  why: 'the server does not answer',
}

/** Answers at once until its server hangs; then it gives up when it is told to. */
class Engine implements Pick<MemberEngine, 'can' | 'look' | 'tryWrite'> {
  readonly can = { rewind: true, ackMost: 2 }
  /** Whether a look that found nobody says so, or fails. */
  readonly saysSo: boolean
  hangs = false

  constructor(saysSo: boolean) {
    this.saysSo = saysSo
  }

  async look(signal: AbortSignal): Promise<ServerSight> {
    try {
      await this.tryWrite(signal)
      return followed
    } catch (thrown) {
      if (this.saysSo) return silent
      throw thrown
    }
  }

  tryWrite(signal: AbortSignal): Promise<void> {
    if (!this.hangs) return Promise.resolve()
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  }
}

const bounds = boundsFor(ms(4000), 'postgresql') as FailoverBounds
const settled = (): Promise<unknown> => new Promise(setImmediate)

for (const saysSo of [false, true]) {
  const how = saysSo ? 'says that it had no answer' : 'fails'
  test(`a server that hangs fails since it was asked to write, where a look ${how}`, async () => {
    const clock = new VirtualClock()
    const engine = new Engine(saysSo)
    const host = { observe: () => ({ kind: 'running', pid: 1, since: instant(0) }) as const }
    const board: Pick<DatabaseBoard, 'view'> = { view: () => ({ members: [] }) as never }
    const sights = new Sights(
      {
        ...{ member: 'a', clock, engine: engine as Partial<MemberEngine> as MemberEngine },
        ...{ host: host as Partial<ServerHost> as ServerHost, board: board as DatabaseBoard },
        ...{ bounds: () => bounds, freeBytes: () => Promise.resolve(2 ** 40) },
      },
      new Remembered({ load: () => nothingPromised, save: () => undefined }),
      new AbortController().signal,
    )
    const look = async (): Promise<void> => {
      const looking = sights.look()
      await settled()
      if (engine.hangs) clock.run(lookWithin)
      await looking
      await settled()
    }
    await look()
    clock.run(keeperEvery)
    await look()
    assert.equal(sights.seen?.failingSince, undefined)

    engine.hangs = true
    clock.run(keeperEvery)
    const began = clock.now()
    for (let looks = 0; looks < 4; looks += 1) {
      await look()
      assert.equal(sights.seen?.failingSince, began)
    }
    assert.equal(sights.seen?.waitingSince, undefined)

    engine.hangs = false
    clock.run(ms(2 * bounds.hung))
    await settled()
    await look()
    await look()
    assert.equal(sights.seen?.failingSince, undefined)
  })
}

test('the next keeper knows that a replica has less than it may have acknowledged', async () => {
  let kept: KeeperMemory = nothingPromised
  let at = 40
  const told = (): ServerSight => ({
    ...{ ...serving, server: 'replica', writable: false, upstream: 'b' },
    received: { line: 1, at },
  })
  const sightsOf = (last: Sights | undefined): Sights =>
    new Sights(
      {
        ...{ member: 'a', clock: new VirtualClock(), bounds: () => bounds },
        freeBytes: () => Promise.resolve(2 ** 40),
        engine: {
          can: { rewind: true, ackMost: 1, forgets: true },
          look: () => Promise.resolve(told()),
        } as Partial<MemberEngine> as MemberEngine,
        host: { observe: () => ({ kind: 'none' }) } as Partial<ServerHost> as ServerHost,
        board: {
          view: () => ({ members: last?.seen === undefined ? [] : [last.seen] }) as never,
        } as Partial<DatabaseBoard> as DatabaseBoard,
      },
      new Remembered({
        load: () => kept,
        save: (memory) => {
          kept = memory
        },
      }),
      new AbortController().signal,
    )
  const first = sightsOf(undefined)
  await first.look()
  at = 30
  await first.look()
  assert.equal(first.seen?.forgot, true)

  const second = sightsOf(first)
  await second.look()
  assert.equal(second.seen?.forgot, true)
  at = 40
  await second.look()
  assert.equal(second.seen?.forgot, false)

  const third = sightsOf(second)
  await third.look()
  assert.equal(third.seen?.forgot, false)
})

test('one that is promoted while it is looked at is not seen as one that has served', async () => {
  const replica: ServerSight = { ...serving, server: 'replica', writable: false }
  const first = Promise.withResolvers<ServerSight>()
  const answers = [first.promise, Promise.resolve(serving)]
  const memory = new Remembered({
    load: () => ({ ...nothingPromised, epoch: 6, promised: 7 }),
    save: () => undefined,
  })
  const engine: Partial<MemberEngine> = {
    can: { rewind: true, ackMost: 2 },
    look: () => answers.shift() ?? Promise.reject(new Error('it was looked at more than twice')),
  }
  const sights = new Sights(
    {
      ...{ member: 'a', clock: new VirtualClock(), engine: engine as MemberEngine },
      ...{ host: { observe: () => ({ kind: 'none' }) } as Partial<ServerHost> as ServerHost },
      ...{ board: {} as DatabaseBoard, bounds: () => bounds },
      freeBytes: () => Promise.resolve(2 ** 40),
    },
    memory,
    new AbortController().signal,
  )
  const looking = sights.look()
  memory.note({ epoch: 7 })
  first.resolve(replica)
  await looking
  assert.equal(sights.seen?.epoch, 7)
  assert.equal(sights.seen?.server, 'primary')
})
