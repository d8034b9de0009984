// How long a silence is too long: at least what was said, longer where renewals come slowly.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant, ms } from '../../foundation/time.ts'
import { Hearing } from './hearing.ts'

const most = ms(2000)

test('has no patience to lose where nobody is deposed for silence', () => {
  assert.equal(new Hearing(undefined, instant(0)).silentAt(most), undefined)
})

test('is silent after the least, counted from the last renewal', () => {
  const hearing = new Hearing(ms(200), instant(0))
  for (const at of [50, 100, 150]) hearing.renewed(instant(at))
  assert.equal(hearing.silentAt(most), 350)
  assert.equal(hearing.last, 150)
})

test('grows patient where renewals come slowly, up to a bound, and forgets it again', () => {
  const hearing = new Hearing(ms(200), instant(0))
  hearing.renewed(instant(300))
  assert.equal(hearing.silentAt(most), 300 + 600)
  hearing.renewed(instant(1800))
  assert.equal(hearing.silentAt(most), 1800 + 2000)
  for (let at = 1850; at < 5000; at += 50) hearing.renewed(instant(at))
  assert.ok((hearing.silentAt(most) ?? 0) < 5000 - 50 + 260)
})

test('learns nothing from a pause in which renewals may have gone unheard', () => {
  const hearing = new Hearing(ms(200), instant(0))
  hearing.begin(instant(9000))
  hearing.renewed(instant(9050))
  assert.equal(hearing.silentAt(most), 9250)
})
