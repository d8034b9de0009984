// Sets of transactions keep the laws of sets, however they are written.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  countGtids,
  formatGtidSet,
  type GtidSet,
  hasGtids,
  parseGtidSet,
  subtractGtids,
  unionGtids,
} from './gtid-set.ts'

const a = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const b = '3e11fa47-71ca-11e1-9e33-c80aa9429563'

const same = (set: GtidSet, text: string): void => assert.equal(formatGtidSet(set), text)

suite('a set of GTIDs', () => {
  test('is read as servers write it', () => {
    same(parseGtidSet(''), '')
    same(parseGtidSet(`${a}:1-5:11-18,\n${b}:1`), `${a}:1-5:11-18,${b}:1`)
    same(parseGtidSet(`${a.toUpperCase()}:7:1-3:4-6`), `${a}:1-7`)
    same(parseGtidSet(`${a}:3-9:1-4`), `${a}:1-9`)
    same(parseGtidSet(`${a}:1-3:shop:1-2:5`), `${a}:1-3,${a}:shop:1-2:5`)
  })

  test('that is none is refused', () => {
    for (const text of ['0-1-5', `${a}:0`, `${a}:5-3`, `${a}:1-`, `${a}:1_`, 'x:1']) {
      assert.throws(() => parseGtidSet(text), /GTID set/, text)
    }
  })

  test('counts, joins and parts as sets do', () => {
    const one = parseGtidSet(`${a}:1-10`)
    const other = parseGtidSet(`${a}:4-6:9,${b}:1-2`)
    assert.equal(countGtids(one), 10)
    assert.equal(countGtids(other), 6)
    same(unionGtids(one, other), `${a}:1-10,${b}:1-2`)
    same(subtractGtids(one, other), `${a}:1-3:7-8:10`)
    same(subtractGtids(other, one), `${b}:1-2`)
    assert.ok(hasGtids(unionGtids(one, other), other))
    assert.ok(!hasGtids(one, other))
    assert.ok(hasGtids(one, parseGtidSet('')))
  })

  test('agrees with sets that are written out, for all small ones', () => {
    const universe = 6
    const setOf = (bits: number): GtidSet =>
      parseGtidSet(
        Array.from({ length: universe }, (_, at) => at + 1)
          .filter((at) => (bits & (1 << (at - 1))) !== 0)
          .map((at) => `${a}:${at}`)
          .join(','),
      )
    const sets = Array.from({ length: 1 << universe }, (_, bits) => setOf(bits))
    for (const [x, one] of sets.entries()) {
      for (const [y, other] of sets.entries()) {
        assert.equal(formatGtidSet(unionGtids(one, other)), formatGtidSet(setOf(x | y)))
        assert.equal(formatGtidSet(subtractGtids(one, other)), formatGtidSet(setOf(x & ~y)))
        assert.equal(hasGtids(one, other), (y & ~x) === 0)
      }
    }
  })
})
