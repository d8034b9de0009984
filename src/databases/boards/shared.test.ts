// What an operator has asked for is seen where it was asked at once: who waits for it to be done
// would else take it for done before it has begun.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRandom } from '../../foundation/random.ts'
import { type Milliseconds, ms, openClock } from '../../foundation/time.ts'
import { VirtualClock } from '../../simulation/clock.ts'
import { Ensemble } from '../../simulation/coordinator/ensemble.ts'
import { SimulatedSession } from '../../simulation/coordinator/session.ts'
import { openSharedBoard, type SharedBoard } from './shared.ts'

const clock = openClock()
const random = openRandom()
const delay = (): Milliseconds => ms(1 + random.next() * 3)

async function openSession(ensemble: Ensemble): Promise<SimulatedSession> {
  const session = new SimulatedSession({
    ...{ ensemble, wire: clock, clock, random, delay, timeout: ms(8000) },
    cuts: () => ({ up: false, down: false }),
    arrives: (then) => then(),
    stirred: () => {},
  })
  await session.connected
  return session
}

test('what was asked for is in view once it is taken, and what others ask later', async () => {
  const ensemble = new Ensemble({ clock, delay, servers: 1 })
  await using mine = await openSession(ensemble)
  await using theirs = await openSession(ensemble)
  const stop = new AbortController()
  const { signal } = stop
  await mine.write([{ kind: 'create', path: '/databases', data: '' }], signal)
  const boards = [mine, theirs].map((session) => {
    const board = openSharedBoard('/databases/orders', new VirtualClock())
    const attending = board.attend(session, signal).catch(() => undefined)
    return { board, attending }
  })
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const [a, b] = boards.map(({ board }) => board)
  assert.ok(a !== undefined && b !== undefined)
  await until(() => a.view().connected && b.view().connected)
  for (let turn = 0; turn < 5; turn += 1) {
    const first: SharedBoard = turn % 2 === 0 ? a : b
    const second: SharedBoard = turn % 2 === 0 ? b : a
    const request = { kind: 'restart', members: ['orders-1'], id: String(turn) } as const
    await first.ask((before) => ({ ...before, request }), signal)
    assert.deepEqual(first.view().wish.request, request)
    await until(() => second.view().wish.request !== undefined)
    await second.ask((before) => ({ ...before, request: undefined }), signal)
    assert.equal(second.view().wish.request, undefined)
    await until(() => first.view().wish.request === undefined)
  }
  stop.abort(new Error('the test ends'))
  await Promise.all(boards.map(({ attending }) => attending))
})
