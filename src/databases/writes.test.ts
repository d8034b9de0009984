// A write that fails says that its server cannot write; one that this process did not see end,
// since it stood still, says nothing.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ms } from '../foundation/time.ts'
import { VirtualClock } from '../simulation/clock.ts'
import { blank } from './blank-sight.ts'
import { boundsFor, keeperEvery } from './budget.ts'
import type { MemberEngine } from './engine.ts'
import type { FailoverBounds, MemberSighting } from './model.ts'
import { WriteWatch } from './writes.ts'

const bounds = boundsFor(ms(4000), 'postgresql') as FailoverBounds
const settled = (): Promise<unknown> => new Promise(setImmediate)
const primary = { ...blank, server: 'primary', writable: true } as unknown as MemberSighting

function watching(tryWrite: MemberEngine['tryWrite']) {
  const clock = new VirtualClock()
  const engine = { tryWrite } as Partial<MemberEngine> as MemberEngine
  const { signal } = new AbortController()
  return { clock, watch: new WriteWatch({ engine, clock, bounds: () => bounds }, signal) }
}

const forEver: MemberEngine['tryWrite'] = (signal) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

test('who stood still while it wrote does not say that its server cannot write', async () => {
  const { clock, watch } = watching(forEver)
  watch.try(primary)
  // Nothing else has run in between, not even what the server has answered at once.
  clock.run(ms(3 * bounds.hung))
  await settled()
  watch.judge()
  assert.equal(watch.failingSince, undefined)
})

test('one that looked meanwhile says so, and goes on saying so', async () => {
  const { clock, watch } = watching(forEver)
  const began = clock.now()
  watch.try(primary)
  for (let passed = 0; passed < 3 * bounds.hung; passed += keeperEvery) {
    clock.run(keeperEvery)
    await settled()
    watch.judge()
    if (passed > 2 * keeperEvery) assert.equal(watch.failingSince, began)
    watch.try(primary)
  }
})

test('one that is refused fails at once', async () => {
  const { clock, watch } = watching(() => Promise.reject(new Error('read only')))
  watch.try(primary)
  await settled()
  assert.equal(watch.failingSince, clock.now())
})
