// While replicas move, never fewer are up than before, also when several machines give some away.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../test/fixtures/properties.ts'
import { wishHere } from './share.ts'

test('runs its share where nothing moves', () => {
  const others = [{ machine: 'b', share: 1, up: 1, agrees: true }]
  assert.equal(wishHere(3, { share: 2, running: 2 }, others), 2)
  assert.equal(wishHere(3, { share: 2, running: 0 }, others), 2)
})

test('keeps what it is to give away until it is up elsewhere', () => {
  const others = (up: number) => [{ machine: 'b', share: 2, up, agrees: true }]
  assert.equal(wishHere(2, { share: 0, running: 2 }, others(0)), 2)
  assert.equal(wishHere(2, { share: 0, running: 2 }, others(1)), 1)
  assert.equal(wishHere(2, { share: 0, running: 2 }, others(2)), 0)
})

test('relies on nobody who acts on another placement', () => {
  const others = [{ machine: 'b', share: 2, up: 2, agrees: false }]
  assert.equal(wishHere(2, { share: 0, running: 2 }, others), 2)
})

test('starts nothing because others lack some: that is for the leader to decide', () => {
  assert.equal(
    wishHere(4, { share: 1, running: 1 }, [{ machine: 'b', share: 3, up: 0, agrees: true }]),
    1,
  )
})

test('leaves as many up as were up, though all machines decide at once', () => {
  const part = fc.record({ share: fc.nat(4), up: fc.nat(6) })
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
      const all = parts.map((one, at) => ({ ...one, machine: `m${at}`, agrees: true }))
      const wanted = all.reduce((sum, { share }) => sum + share, 0)
      const kept = all.map((here) => {
        const others = all.filter((one) => one !== here)
        return Math.min(here.up, wishHere(wanted, { ...here, running: here.up }, others))
      })
      const before = all.reduce((sum, { up }) => sum + up, 0)
      const after = kept.reduce((sum, up) => sum + up, 0)
      assert.ok(after >= Math.min(before, wanted), `${before} up, wanted ${wanted}, left ${after}`)
    }),
    { numRuns: 3000 },
  )
})
