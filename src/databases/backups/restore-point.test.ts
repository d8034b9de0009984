// Which base leads to a moment, and what is said where none does.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { instant } from '../../foundation/time.ts'
import { describeBytes, describeInstant, instantAsName } from './describe.ts'
import type { Base, KeptHistory } from './model.ts'
import { describeKept, restorePointOf, spanOf } from './restore-point.ts'

const minute = 60_000
const at = (minutes: number) => instant(minutes * minute)
const now = at(1000)

const base = (minutes: number): Base => ({
  ...{ id: `b${minutes}`, database: 'orders', engine: 'postgresql', version: '18', origin: 'o' },
  ...{ source: 'orders-2', began: at(minutes - 1), ended: at(minutes), start: '1:0/0' },
  ...{ end: '1:0/1', bytes: 1, parts: [] },
})

const history = (minutes: readonly number[], more: Partial<KeptHistory> = {}): KeptHistory => ({
  ...{ origin: 'o', since: instant(0), bases: minutes.map(base), until: at(900) },
  ...{ unbroken: minutes.map((each) => `b${each}`), ...more },
})

function found(kept: readonly KeptHistory[], to: number | undefined): readonly string[] | string {
  const point = restorePointOf(kept, to === undefined ? undefined : at(to), now)
  if (point.kind === 'outside') return point.why
  return [point.history.origin, ...point.bases.map(({ id }) => id)]
}

suite('a restore begins', () => {
  test('with the newest base that was complete by then, and older ones to fall back on', () => {
    const kept = [history([100, 200, 300])]
    assert.deepEqual(found(kept, 250), ['o', 'b200', 'b100'])
    assert.deepEqual(found(kept, 200), ['o', 'b200', 'b100'])
    assert.deepEqual(found(kept, 199), ['o', 'b100'])
    assert.deepEqual(found(kept, undefined), ['o', 'b300', 'b200', 'b100'])
  })

  test('with none that the log does not lead on from', () => {
    const kept = [history([100, 200, 300], { unbroken: ['b100', 'b300'] })]
    assert.deepEqual(found(kept, 250), ['o', 'b100'])
    assert.deepEqual(found(kept, undefined), ['o', 'b300', 'b100'])
  })

  test('on the history that the database was on at that moment', () => {
    const before = history([100, 200], { origin: 'before', until: at(400) })
    const after = history([500], { origin: 'after', since: at(400) })
    assert.deepEqual(found([before, after], 399), ['before', 'b200', 'b100'])
    assert.deepEqual(found([before, after], 600), ['after', 'b500'])
    assert.deepEqual(found([before, after], undefined), ['after', 'b500'])
    // What was before is not what it was at this moment, though there is no base of that yet.
    assert.match(String(found([before, after], 450)), /not among what is kept/)
  })
})

suite('a moment that is not kept', () => {
  const before = history([100, 200], { origin: 'before', until: at(400) })

  test('is named, with all that is kept', () => {
    assert.equal(
      found([before], 99),
      '1970-01-01T01:39:00.000Z is not among what is kept: ' +
        'kept is from 1970-01-01T01:40:00.000Z to 1970-01-01T06:40:00.000Z',
    )
    assert.match(String(found([before], 1001)), /1970-01-01T16:41:00.000Z has not been yet/)
    assert.match(String(found([], 5)), /there is no backup of it yet/)
    assert.match(String(found([history([])], undefined)), /there is no backup of it yet/)
  })

  test('is any, where no log leads on', () => {
    const broken = history([100], { unbroken: [] })
    assert.equal(spanOf(broken), undefined)
    assert.match(String(found([broken], undefined)), /no backup has an unbroken log/)
    assert.equal(describeKept([broken]), 'nothing is kept yet')
  })
})

test('moments and amounts are said as people and commands take them', () => {
  const dates = [0, 951_782_399_999, 951_782_400_000, 1_709_164_800_123, 4_102_444_799_000, -1]
  for (const each of [...dates, ...Array.from({ length: 400 }, (_, n) => n * 9_876_543_210)]) {
    assert.equal(describeInstant(instant(each)), new Date(each).toISOString())
  }
  assert.equal(instantAsName(instant(1_709_164_800_123)), '20240229T000000-123Z')
  const bytes = [0, 999, 1000, 65_500_000, 123_456_789_000, 2e15]
  assert.deepEqual(bytes.map(describeBytes), [
    '0 B',
    '999 B',
    '1 kB',
    '65.5 MB',
    '123 GB',
    '2000 TB',
  ])
})
