// How soon a server is asked again: rarely while all is well, at once when anything is in doubt.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../test/fixtures/properties.ts'
import { instant, ms } from '../foundation/time.ts'
import { unknownHealth } from './judge.ts'
import type { Check, Health } from './model.ts'
import { firstWait, nextProbe, type Pace, slotWait, startingWait } from './schedule.ts'

const check: Check = {
  ...{ kind: 'tcp', every: ms(1000), fast: ms(200), timeout: ms(500), rise: 2, fall: 3 },
}
const asked = instant(50_000)

/** A server that was up for long, and differs as stated; asked at 50,000, at no phase. */
function wait(differs: Partial<Health>, more: Partial<Pace> = {}, now = instant(50_001)) {
  const health: Health = { ...unknownHealth(instant(0)), verdict: 'up', passes: 9, ...differs }
  const pace = { check, health, phase: 0, askFrom: instant(0), wasUp: true, askedAt: asked }
  const at = nextProbe({ ...pace, prompted: false, ...more }, now)
  return at === undefined ? undefined : at - asked
}

test('a server that is well is asked once an interval', () => {
  assert.equal(wait({}), 1000)
})

test('a server in doubt is asked fast', () => {
  assert.equal(wait({ failures: 1, passes: 0 }), 200, 'a first failure')
  assert.equal(wait({ passes: 1 }), 200, 'a first pass')
  assert.equal(wait({ verdict: 'down', failures: 7, passes: 0 }), 200, 'down')
  const unasked = { kind: 'unasked', at: asked, took: ms(0), reason: 'no port' } as const
  assert.equal(wait({ last: unasked }), 200, 'could not be asked')
})

test('a server that traffic doubts is asked at once, but not twice in a row', () => {
  assert.equal(wait({ suspectedAt: instant(50_400) }, {}, instant(50_400)), 400)
  assert.equal(wait({ suspectedAt: instant(50_002) }, {}, instant(50_002)), 10)
  assert.equal(wait({ suspectedAt: instant(50_002) }, { prompted: true }, instant(50_002)), 200)
})

test('a server without a check is never asked', () => {
  assert.equal(wait({}, { check: { kind: 'none' } }), undefined)
})

test('a new server is asked at once, or when its turn has come', () => {
  const fresh = { wasUp: false, askedAt: undefined }
  assert.equal(wait({ verdict: 'unknown' }, { ...fresh, askFrom: instant(50_001) }), 1)
  assert.equal(wait({ verdict: 'unknown' }, { ...fresh, askFrom: instant(50_009) }), 9)
})

test('a server that starts is asked the oftener the younger it is', () => {
  assert.deepEqual(
    [0, 100, 500, 1000, 5000, 60_000].map((age) => startingWait(ms(age), ms(200))),
    [10, 10, 10, 20, 100, 200],
  )
  const starting = { wasUp: false, askFrom: instant(49_000) }
  assert.equal(wait({ verdict: 'down', failures: 3, passes: 0 }, starting, instant(50_000)), 20)
})

test('readiness is seen within 2 % of the start-up, and 10 ms', () => {
  for (const readyAfter of [3, 80, 400, 1000, 3000, 9000]) {
    let at = 0
    while (at < readyAfter) at += startingWait(ms(at), ms(200))
    assert.ok(at - readyAfter <= Math.max(10, readyAfter * 0.0205), `${readyAfter}: ${at}`)
  }
})

test('probes come once an interval, at the place of their server, whatever woke them late', () => {
  const phase = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  const at = fc.double({ min: 0, max: 1e7, noNaN: true })
  fc.assert(
    fc.property(phase, at, fc.double({ min: -1, max: 20, noNaN: true }), (share, from, late) => {
      const every = ms(1000)
      const first = slotWait(instant(from), every, share)
      assert.ok(first >= 500 && first <= 1500, `${first}`)
      const woken = from + first + late
      const second = slotWait(instant(woken), every, share)
      assert.ok(Math.abs(second + late - 1000) < 1e-3, `${second} after ${late}`)
    }),
  )
})

test('a thousand servers with the same interval spread over all of it', () => {
  const slots = new Array<number>(10).fill(0)
  for (let n = 0; n < 1000; n += 1) {
    const at = (777 + slotWait(instant(777), ms(1000), n / 1000)) % 1000
    slots[Math.min(9, Math.floor(at / 100))]! += 1
  }
  for (const count of slots) assert.ok(count >= 99 && count <= 101, slots.join(' '))
})

test('a few new servers are asked at once, thousands over a second', () => {
  assert.equal(firstWait(3, 0.9), 0)
  assert.ok(firstWait(5010, 0.999) <= 1000)
  assert.ok(firstWait(5010, 0.5) > 200)
})
