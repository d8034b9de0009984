// Lengths of time in buckets: the right bucket, honest quantiles, sums that can be added up.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../test/fixtures/properties.ts'
import { bucketBounds, bucketOf, Histogram } from './histogram.ts'

/** Where a length belongs, looked for without any trick. */
const plainly = (length: number): number => {
  const found = bucketBounds.findIndex((bound) => length <= bound)
  return found < 0 ? bucketBounds.length : found
}

suite('a histogram', () => {
  test('puts each length into the first bucket whose bound it does not exceed', () => {
    const near = bucketBounds.flatMap((bound) => [bound, bound * 0.999, bound * 1.001])
    for (const length of [0, 1e-4, 1e9, Number.MAX_VALUE, ...near]) {
      assert.equal(bucketOf(length), plainly(length), String(length))
    }
    fc.assert(
      fc.property(fc.double({ min: 0, max: 200_000, noNaN: true }), (length) => {
        assert.equal(bucketOf(length), plainly(length))
      }),
    )
  })

  test('has the bounds that OpenTelemetry advises', () => {
    for (const bound of [5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000]) {
      assert.ok(bucketBounds.includes(bound), String(bound))
    }
  })

  test('tells a quantile to within the width of a bucket', () => {
    const histogram = new Histogram()
    for (let length = 1; length <= 1000; length += 1) histogram.add(length)
    for (const share of [0.5, 0.9, 0.99]) {
      const found = histogram.quantile(share) ?? 0
      assert.ok(Math.abs(found - share * 1000) <= 0.35 * share * 1000, `${share}: ${found}`)
    }
    assert.equal(new Histogram().quantile(0.5), undefined)
  })

  test('adds up to the same whoever counted what, and takes away what was before', () => {
    const [a, b, all] = [new Histogram(), new Histogram(), new Histogram()]
    for (const [index, length] of [0.05, 3, 3, 70_000, 12, 800].entries()) {
      ;(index % 2 === 0 ? a : b).add(length)
      all.add(length)
    }
    const sum = new Histogram().merge(a.spread).merge(b.spread)
    assert.deepEqual(sum.spread.counts, all.spread.counts)
    assert.equal(sum.count, 6)
    assert.deepEqual(sum.merge(b.spread, -1).spread.counts, a.spread.counts)
    assert.equal(all.below(5), 3)
  })
})
