// The times of a request: what is kept of them, and what a next request must not inherit.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { instant } from '../../../../foundation/time.ts'
import { methodOf, methods, Timeline } from './timeline.ts'

const at = instant

suite('a timeline', () => {
  test('adds up the waits of a request that waits more than once', () => {
    const timeline = new Timeline()
    timeline.begin(at(10))
    timeline.hold(at(10), false)
    timeline.release(at(12.5))
    timeline.release(at(13))
    timeline.hold(at(20), true)
    timeline.release(at(21))
    assert.deepEqual([timeline.held, timeline.queued], [3.5, 1])
  })

  test('tells connecting, waiting and all apart, for the last try', () => {
    const timeline = new Timeline()
    timeline.begin(at(0))
    timeline.assign('a', at(1))
    assert.deepEqual([timeline.connect, timeline.wait], [-1, -1])
    timeline.assign('b', at(5))
    timeline.send(at(7.25))
    timeline.firstByte = at(9)
    timeline.ended = at(9.5)
    assert.deepEqual([timeline.connect, timeline.wait, timeline.total], [2.25, 1.75, 9.5])
    assert.deepEqual([timeline.server, timeline.tries], ['b', 1])
  })

  test('forgets the last request when one begins', () => {
    const timeline = new Timeline()
    const fresh = new Timeline()
    timeline.begin(at(1))
    timeline.hold(at(1), true)
    timeline.assign('a', at(2))
    timeline.send(at(3))
    timeline.ending = 'silent'
    timeline.bytesOut = 5
    timeline.status = 504
    timeline.begin(at(9))
    timeline.release(at(20))
    fresh.begin(at(9))
    assert.deepEqual(timeline, fresh)
    assert.equal(timeline.held, 0)
  })

  test('knows each method by its bytes, and every other word as another', () => {
    const number = (word: string): number => methodOf(Buffer.from(`xx${word} `), 2, 2 + word.length)
    methods.slice(0, -1).forEach((name, index) => {
      assert.equal(number(name), index)
      assert.equal(methods[number(`${name.slice(0, -1)}X`)], '_OTHER')
    })
    for (const word of ['', 'get', 'M-SEARCH', 'PROPFIND']) {
      assert.equal(methods[number(word)], '_OTHER', word)
    }
  })
})
