// The port of a replica: free, its own, and not one the system hands to outgoing connections first.

import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { fc } from '../../../../test/fixtures/properties.ts'
import { seededRandom } from '../../../foundation/random.ts'
import { drawPort, isFree, localPortRange } from './ports.ts'

test('never draws a port that is taken while one is left', () => {
  const range = fc.record({
    first: fc.integer({ min: 1024, max: 2000 }),
    width: fc.integer({ min: 2, max: 60 }),
  })
  fc.assert(
    fc.property(range, fc.integer(), ({ first, width }, seed) => {
      const random = seededRandom(seed)
      const taken = new Set<number>()
      const last = first + width - 1
      for (let turn = 0; turn < Math.floor(width / 2); turn += 1) {
        const port = drawPort(random, { first, last }, taken)
        assert.ok(port >= first && port <= last)
        assert.equal((port - first) % 2, 1)
        assert.ok(!taken.has(port))
        taken.add(port)
      }
    }),
  )
})

test('knows the range of this machine, and whether somebody listens', async () => {
  const { first, last } = localPortRange()
  assert.ok(first > 0 && last > first && last < 65_536)
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  assert.equal(await isFree('127.0.0.1', port), false)
  await new Promise((resolve) => server.close(resolve))
  assert.equal(await isFree('127.0.0.1', port), true)
})
