// The embedded server answers as Apache ZooKeeper does, and tells the same events. A short run: the
// long one is `npm run differential:coordination`.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openEmbedded } from '../engines/embedded.ts'
import { zookeeperMissing } from '../engines/zookeeper.ts'
import { describeDifference, runSeeds } from './coordination.ts'
import { compare } from './run.ts'

test('answers and tells what Apache ZooKeeper does', { skip: zookeeperMissing() }, async () => {
  await runSeeds([101, 102], 400, (seed, { difference, done, events }) => {
    if (difference !== undefined) assert.fail(describeDifference(seed, difference))
    assert.ok(done > 100 && events > 0, `only ${done} requests done and ${events} events`)
  })
})

test('a server that differs in one thing is found out', async () => {
  await using one = await openEmbedded()
  for (const limits of [
    { extendedTypes: false },
    { enforceQuota: false },
    { nodeBytesMost: 100 },
  ]) {
    await using other = await openEmbedded({ limits })
    await using fresh = await openEmbedded()
    const { difference } = await compare([fresh.port, other.port], { seed: 7, steps: 1500 })
    assert.ok(difference !== undefined, `nobody notices ${JSON.stringify(limits)}`)
  }
  await using twin = await openEmbedded()
  const { difference } = await compare([one.port, twin.port], { seed: 7, steps: 600 })
  assert.equal(difference, undefined)
})
