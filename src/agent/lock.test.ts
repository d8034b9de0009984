// One agent a file, however the last one ended.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { isLocked, takeLock } from './lock.ts'

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
