// One agent a file, however the last one ended.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { holderOf, isLocked, takeLock, takeLocks } from './lock.ts'

test('a lock is held by one, is seen to be held, and is given back', async () => {
  const name = `\0alwayson-test-${randomUUID()}`
  assert.equal(await isLocked(name), false)
  {
    using lock = await takeLock(name)
    assert.notEqual(lock, undefined)
    assert.equal(await isLocked(name), true)
    assert.equal(await takeLock(name), undefined)
  }
  assert.equal(await isLocked(name), false)
  using again = await takeLock(name)
  assert.notEqual(again, undefined)
})

test('several are taken together, or none of them', async () => {
  const [one, two] = [`\0alwayson-test-${randomUUID()}`, `\0alwayson-test-${randomUUID()}`]
  {
    using _other = await takeLock(two)
    assert.equal(await takeLocks([one, two]), undefined)
    assert.equal(await isLocked(one), false, 'what was taken is given back')
  }
  using both = await takeLocks([one, undefined, two])
  assert.notEqual(both, undefined)
  assert.deepEqual([await isLocked(one), await isLocked(two)], [true, true])
})

test('who holds a lock is found, also among those who ask for it', async () => {
  const name = `\0alwayson-test-${randomUUID()}`
  assert.equal(holderOf(name), undefined)
  using _lock = await takeLock(name)
  await isLocked(name)
  assert.equal(holderOf(name), process.pid)
})
