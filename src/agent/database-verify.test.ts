// Whoever repairs does not wait for a copy that nobody asks for any more, and has nothing copied
// from a member that it did not compare with.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DatabaseBoard, nothingAsked, type OperatorWish } from '../databases/board.ts'
import { type MemberReader, Unreadable } from '../databases/compare/engine.ts'
import type { DatabaseView } from '../databases/model.ts'
import { ms } from '../foundation/time.ts'
import { VirtualClock } from '../simulation/clock.ts'
import { verifyTask } from './database-verify.ts'

const settled = (): Promise<unknown> => new Promise(setImmediate)

const readerOf = (member: string): MemberReader =>
  ({
    tables: async () => [{ name: 'orders', id: 'orders', bytes: 1 }],
    async *stretches() {
      yield { from: undefined, to: undefined, bytes: 1 }
    },
    sum: async () => {
      if (member === 'b') throw new Unreadable('a page is damaged')
      return { rows: 1, sum: 'x' }
    },
    position: async () => '1',
    reaches: async () => {},
    [Symbol.dispose]: () => {},
  }) as Partial<MemberReader> as MemberReader

test('a repair ends where somebody asks for something else before its copy is there', async () => {
  const clock = new VirtualClock()
  let wish: OperatorWish = nothingAsked
  const view = (): DatabaseView =>
    ({
      plan: { name: 'shop', members: ['a', 'b'].map((name) => ({ name, host: name, port: 1 })) },
      record: { phase: { kind: 'serving', primary: 'a' } },
      members: [{ member: 'b', upstream: 'a', copiedFor: undefined }],
      request: wish.request,
    }) as unknown as DatabaseView
  const board = {
    ask: async (change: (before: OperatorWish) => OperatorWish) => {
      wish = change(wish)
    },
  } as Partial<DatabaseBoard> as DatabaseBoard
  const open =
    async () =>
    async ({ member }: { member: string }) =>
      readerOf(member)
  const task = verifyTask({ open, view, board, clock, event: () => {} }, true)
  let ended: unknown
  task(() => {}, new AbortController().signal).catch((thrown: unknown) => {
    ended = thrown
  })
  const pass = async (seconds: number): Promise<void> => {
    for (let quarters = 0; quarters < seconds * 4; quarters += 1) {
      await settled()
      clock.run(ms(250))
    }
    await settled()
  }
  await pass(60)
  assert.equal(wish.request?.kind, 'reinit')
  assert.equal(ended, undefined)
  wish = { ...wish, request: { kind: 'switchover', to: 'b' } }
  await pass(15)
  assert.match(String(ended), /b is not copied anew: something else was asked for/)
})

test('a repair has nothing copied once another leads than who was compared with', async () => {
  const clock = new VirtualClock()
  let [leads, asked] = ['a', 0]
  const view = (): DatabaseView =>
    ({
      plan: { name: 'shop', members: ['a', 'b'].map((name) => ({ name, host: name, port: 1 })) },
      record: { phase: { kind: 'serving', primary: leads } },
      members: [],
    }) as unknown as DatabaseView
  const board = {
    ask: async () => {
      asked += 1
    },
  } as Partial<DatabaseBoard> as DatabaseBoard
  const open =
    async () =>
    async ({ member }: { member: string }) =>
      readerOf(member)
  const event = (): void => {
    leads = 'b'
  }
  const task = verifyTask({ open, view, board, clock, event }, true)
  let ended: unknown
  const over = task(() => {}, new AbortController().signal).catch((thrown: unknown) => {
    ended = thrown
  })
  for (let times = 0; times < 20; times += 1) {
    await settled()
    clock.run(ms(250))
  }
  assert.equal(asked, 0)
  await over
  assert.match(String(ended), /b is not copied anew: a does not lead any more/)
})
