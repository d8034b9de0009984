// Elections of several machines in simulated lives: never are writes of two leaders both accepted;
// and a control, whose leaders write without their epoch, is caught.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { liveElection } from '../src/simulation/elections/life.ts'

test('never accepts the writes of two leaders, whatever is cut, stopped and killed', async () => {
  let epochs = 0
  for (let seed = 1; seed <= 1500; seed += 1) {
    const report = await liveElection(seed)
    epochs += report.epochs
    const again = `npm run elections -- --seed ${seed} --trace`
    assert.equal(report.breach, undefined, `${JSON.stringify(report.breach)}\n${again}`)
  }
  assert.ok(epochs > 1500, `only ${epochs} epochs began`)
})

test('catches leaders whose writes carry no epoch', async () => {
  for (let seed = 1; seed <= 1500; seed += 1) {
    const { breach } = await liveElection(seed, { manner: 'unguarded' })
    if (breach?.promise === 'one-accepted-leader') return
  }
  assert.fail('no life of 1500 was broken')
})

test('lives the same life from the same seed', async () => {
  for (const seed of [3, 9, 27]) {
    const lines: string[][] = [[], []]
    for (const trace of lines) await liveElection(seed, { write: (line) => trace.push(line) })
    assert.deepEqual(lines[0], lines[1])
    assert.ok(lines[0]!.length > 10)
  }
})
