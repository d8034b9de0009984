// Clusters of three machines in simulated lives: files are applied and machines drained on any of
// them while they are cut off, stopped, killed and lose their power; and a control is caught.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { liveCluster } from '../src/simulation/cluster/life.ts'

test('act on one file and one placement once nothing is wrong any more', async () => {
  let [placements, calm] = [0, 0]
  for (let seed = 1; seed <= 50; seed += 1) {
    const report = await liveCluster(seed)
    placements += report.placements
    calm += Number(report.calm)
    assert.equal(report.breach, undefined, `seed ${seed}: ${JSON.stringify(report.breach)}`)
  }
  assert.ok(placements > 100 && calm > 5, `${placements} placements, ${calm} calm lives`)
})

test('are caught relying on machines that act on another placement', async () => {
  for (let seed = 860; seed <= 890; seed += 1) {
    const { breach } = await liveCluster(seed, { hasty: true })
    if (breach?.promise === 'none-missing') return
  }
  assert.fail('no life was broken')
})
