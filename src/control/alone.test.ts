// One at a time, across processes and without a file that could go stale.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alone } from './alone.ts'

test('runs a deed while nobody else is at one of that name, and lets the next one in', async () => {
  const name = `deed-${process.pid}`
  const done: string[] = []
  const first = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const running = alone(name, async () => {
    begun.resolve()
    await first.promise
    done.push('first')
  })
  await begun.promise
  assert.equal(await alone(name, async () => void done.push('second')), false)
  assert.equal(await alone(`${name}-other`, async () => void done.push('other')), true)
  first.resolve()
  assert.equal(await running, true)
  await assert.rejects(
    alone(name, () => Promise.reject(new Error('it failed'))),
    /it failed/,
  )
  assert.equal(await alone(name, async () => void done.push('third')), true)
  assert.deepEqual(done, ['other', 'first', 'third'])
})
