// The embedded server answers as Apache ZooKeeper does, and tells the same events. A short run: the
// long one is `npm run differential:coordination`.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerLimits } from '../../src/coordination/embedded/options.ts'
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
    assert.ok(await isNoticed(limits), `nobody notices ${JSON.stringify(limits)}`)
  }
  await using twin = await openEmbedded()
  const { difference } = await compare([one.port, twin.port], { seed: 7, steps: 600 })
  assert.equal(difference, undefined)
})

/** What clients ask in the end depends on who is answered first: not every seed meets a limit. */
async function isNoticed(limits: Partial<ServerLimits>): Promise<boolean> {
  for (const seed of [7, 8, 9, 10, 11]) {
    await using other = await openEmbedded({ limits })
    await using fresh = await openEmbedded()
    const { difference } = await compare([fresh.port, other.port], { seed, steps: 1500 })
    if (difference !== undefined) return true
  }
  return false
}
