// Numbers and lengths of time stay short, and lose nothing that matters.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { instant, ms } from '../../foundation/time.ts'
import { age, count, dateAndTime, wrap } from './words.ts'

suite('words', () => {
  test('a count is said in at most five characters', () => {
    const said = [0, 9999, 10_000, 12_449, 99_949, 99_951, 999_499, 999_500, 1e6, 3.14e9, 9.99e14]
    assert.deepEqual(
      said.map((number) => count(number)),
      ['0', '9999', '10.0k', '12.4k', '99.9k', '100k', '999k', '1.0M', '1.0M', '3.1G', '999T'],
    )
    fc.assert(fc.property(fc.nat({ max: 1e15 }), (number) => count(number).length <= 5))
  })

  test('an age is said in at most six characters', () => {
    const second = 1000
    const [minute, hour, day] = [60 * second, 3600 * second, 86_400 * second]
    const ages = [0, 59.9 * second, minute, hour - 1, hour, 2 * hour + 13 * minute, day, 9.5 * day]
    assert.deepEqual(
      [...ages, 120 * day].map((length) => age(ms(length))),
      ['0s', '59s', '1m', '59m', '1h', '2h13m', '1d', '9d12h', '120d'],
    )
    fc.assert(fc.property(fc.nat({ max: 86_400_000 * 9999 }), (n) => age(ms(n)).length <= 6))
  })

  test('a moment is said by the clock of the zone', () => {
    const at = instant(Date.UTC(2026, 0, 1, 0, 30, 0, 5))
    assert.equal(dateAndTime(at, 'UTC'), '2026-01-01 00:30:00.005')
    assert.equal(dateAndTime(at, 'America/New_York'), '2025-12-31 19:30:00.005')
  })

  test('wrapped lines hold every word and are no longer than asked', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,12}$/)), fc.integer({ min: 20 }), (w, n) => {
        const lines = wrap(w.join(' '), n, '  ')
        assert.ok(lines.every((line) => line.length <= n))
        assert.equal(lines.map((line) => line.trim()).join(' '), w.join(' '))
      }),
    )
  })
})
