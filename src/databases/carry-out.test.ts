// Holds whoever carries out a promotion to this: no client is let in before the guard has a lease.
// And whoever copies: what a member had once is given up for a copy that is there, and not before.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ms } from '../foundation/time.ts'
import { VirtualClock } from '../simulation/clock.ts'
import { blank } from './blank-sight.ts'
import { type DatabaseBoard, firstRecord, type Order } from './board.ts'
import { CarryOut } from './carry-out.ts'
import type { MemberEngine, Promotion } from './engine.ts'
import type { ServerHost } from './host.ts'
import { nothingPromised, Remembered } from './memory.ts'
import type { DatabaseRecord, FailoverBounds } from './model.ts'

const acks = { members: ['b', 'c'], needed: 1 }
const start = { line: 1, at: 1 }
const lease = ms(1000)
const order: Order = {
  ...{ epoch: 7, version: 3 },
  action: { kind: 'promote', member: 'a', acks, start },
}

const naming = (winner: string, epoch: number): DatabaseRecord =>
  ({ ...firstRecord, epoch, phase: { kind: 'promoting', winner } }) as DatabaseRecord

/** A member whose server is promoted without one; what happens is written down in its order. */
class Scene {
  readonly clock = new VirtualClock()
  readonly happened: string[] = []
  /** How long its server takes until it could let clients in, and to let them in. */
  takes = ms(100)
  /** What the coordinator says, each time that it is asked; the last one for good. */
  says: (DatabaseRecord | Error)[] = [naming('a', 7)]
  server: 'replica' | 'primary' | 'stopped' = 'replica'
  readonly memory = new Remembered({ load: () => nothingPromised, save: () => {} })

  promote(isLeased = true): Promise<void> {
    const work = new CarryOut(
      {
        ...{ member: 'a', peers: [], engine: this.#engine, host: this.#host, board: this.#board },
        ...{ clock: this.clock, isLeased, progress: () => {}, copied: () => {} },
        bounds: () => ({ lease }) as FailoverBounds,
      },
      this.memory,
    )
    return work.do(order, new AbortController().signal)
  }

  get #engine(): MemberEngine {
    return {
      look: async () => ({ ...blank, server: this.server, received: start }),
      promote: async ({ opens }: Promotion) => {
        this.clock.run(this.takes)
        await opens?.()
        this.happened.push('open')
        this.server = 'primary'
        this.clock.run(this.takes)
      },
    } as unknown as MemberEngine
  }

  get #host(): ServerHost {
    return {
      renew: (held: { for: number }) => this.happened.push(`lease of ${held.for}`),
      end: async (signal: string) => void this.happened.push(signal),
    } as unknown as ServerHost
  }

  get #board(): DatabaseBoard {
    return {
      fresh: async () => {
        const said = this.says.length > 1 ? this.says.shift() : this.says[0]
        if (Error.isError(said)) throw said
        this.happened.push('read')
        return said
      },
    } as unknown as DatabaseBoard
  }
}

const unreachable = new Error('the coordinator does not answer')

test('has a lease before its doors open, counted from when the record was read', async () => {
  const scene = new Scene()
  await scene.promote()
  const expected = ['read', 'lease of 900', 'open', 'read', 'lease of 1000']
  assert.deepEqual(scene.happened, expected)
  assert.equal(scene.memory.now.epoch, 7)
})

test('one whose coordinator goes as it lets clients in ends with its lease', async () => {
  const scene = new Scene()
  scene.says = [naming('a', 7), unreachable]
  await assert.rejects(scene.promote(), unreachable)
  assert.deepEqual(scene.happened, ['read', 'lease of 900', 'open'])
  // It comes back before that: the order still stands, and is carried out to its end.
  scene.says = [naming('a', 7)]
  await scene.promote()
  assert.equal(scene.happened.at(-1), 'lease of 1000')
})

test('one that has ended with its lease is not promoted at its epoch once more', async () => {
  const scene = new Scene()
  scene.says = [naming('a', 7), unreachable]
  await assert.rejects(scene.promote(), unreachable)
  scene.server = 'stopped'
  scene.says = [naming('a', 7)]
  await assert.rejects(scene.promote(), /was primary at this epoch/)
  assert.equal(scene.happened.filter((each) => each === 'open').length, 1)
})

test('one that takes long asks again before a client is let in', async () => {
  const scene = new Scene()
  scene.takes = ms(5000)
  await scene.promote()
  const twice = ['read', 'lease of 1000']
  assert.deepEqual(scene.happened, ['read', ...twice, 'open', ...twice])
})

test('lets nobody in late where another is named by then, or nobody can say', async () => {
  for (const second of [naming('b', 8), unreachable]) {
    const scene = new Scene()
    scene.takes = ms(5000)
    scene.says = [naming('a', 7), second]
    await assert.rejects(scene.promote())
    assert.ok(!scene.happened.includes('open'))
    assert.ok(!scene.happened.some((each) => each.startsWith('lease')))
    assert.equal(scene.memory.now.epoch, 0)
  }
})

test('one that is replaced as it lets clients in is ended at once', async () => {
  const scene = new Scene()
  scene.says = [naming('a', 7), naming('b', 8)]
  await scene.promote()
  assert.deepEqual(scene.happened, ['read', 'lease of 900', 'open', 'read', 'SIGKILL'])
})

test('where nobody else could be told to be primary there is no lease', async () => {
  const scene = new Scene()
  await scene.promote(false)
  assert.deepEqual(scene.happened, ['read', 'open'])
})

test('what it had is given up once it has been copied, and not where it could not be', async () => {
  let fails = true
  let isGivenUp = false
  const engine = {
    follow: async () => {
      if (fails) throw new Error('nobody to copy from')
    },
  } as Partial<MemberEngine> as MemberEngine
  const work = new CarryOut(
    {
      ...{ member: 'b', peers: [{ member: 'a', host: 'a', port: 1 }], engine, isLeased: false },
      ...{ host: {} as ServerHost, board: {} as DatabaseBoard, clock: new VirtualClock() },
      ...{ bounds: () => ({ lease }) as FailoverBounds, progress: () => {} },
      copied: () => {
        isGivenUp = true
      },
    },
    new Remembered({ load: () => nothingPromised, save: () => {} }),
  )
  const copy: Order = {
    ...{ epoch: 7, version: 3 },
    action: { kind: 'follow', member: 'b', primary: 'a', way: 'clone' },
  }
  const { signal } = new AbortController()
  await assert.rejects(work.do(copy, signal), /nobody to copy from/)
  assert.equal(isGivenUp, false)
  fails = false
  await work.do(copy, signal)
  assert.equal(isGivenUp, true)
})

test('one that may not serve is ended also where nothing can be kept', async () => {
  const happened: string[] = []
  const full = (): never => {
    throw new Error('no space left')
  }
  const work = new CarryOut(
    {
      ...{ member: 'a', peers: [], engine: {} as MemberEngine, isLeased: true },
      host: { end: async (signal: string) => void happened.push(signal) } as unknown as ServerHost,
      ...{ board: {} as DatabaseBoard, clock: new VirtualClock(), copied: () => {} },
      ...{ bounds: () => ({ lease }) as FailoverBounds, progress: () => {} },
    },
    new Remembered({ load: () => nothingPromised, save: full }),
  )
  const fence: Order = { epoch: 7, version: 3, action: { kind: 'fence', member: 'a' } }
  await assert.rejects(work.do(fence, new AbortController().signal), /no space left/)
  assert.deepEqual(happened, ['SIGKILL'])
})
