// When a guard asks who follows, and when it ends its server.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant, ms } from '../../foundation/time.ts'
import { type HeldLease, isVouchedBy, leaseStep } from './lease.ts'

const held: HeldLease = {
  ...{ from: instant(1000), for: ms(800), vouched: true, asked: undefined, asking: false },
}

test('leaves half of a lease to its agent, asks in the other half, and ends with it', () => {
  assert.deepEqual(leaseStep(held, instant(1000)), { kind: 'wait', until: 1400 })
  assert.deepEqual(leaseStep(held, instant(1400)), { kind: 'ask' })
  const asked = { ...held, asked: instant(1400) }
  assert.deepEqual(leaseStep({ ...asked, asking: true }, instant(1500)), {
    kind: 'wait',
    until: 1800,
  })
  assert.deepEqual(leaseStep(asked, instant(1450)), { kind: 'wait', until: 1500 })
  assert.deepEqual(leaseStep(asked, instant(1500)), { kind: 'ask' })
  assert.deepEqual(leaseStep(asked, instant(1800)), { kind: 'end' })
  const alone = { ...held, vouched: false }
  assert.deepEqual(leaseStep(alone, instant(1500)), { kind: 'wait', until: 1800 })
})

test('is vouched for while so many follow that no election can be complete', () => {
  const acks = { members: ['b', 'c', 'd', 'e'], needed: 2 }
  assert.ok(isVouchedBy(acks, ['b', 'e', 'x']))
  assert.ok(!isVouchedBy(acks, ['b', 'x']))
  assert.ok(!isVouchedBy({ members: [], needed: 0 }, ['b']))
})
