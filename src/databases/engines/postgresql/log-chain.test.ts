// Whether the archived log leads on from a base, over every change of timeline.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { chainFrom, type LogHeld, resumeAt, surplusOf } from './log-chain.ts'
import { segmentName, type TimelineHistory } from './lsn.ts'

const size = 16 * 1024 * 1024
const name = (line: number, index: number): string => segmentName(line, index * size, size)
const at = (index: number, more = 40): number => index * size + more

const second: TimelineHistory = { line: 2, ancestors: [{ line: 1, end: at(5) }] }
const third: TimelineHistory = {
  line: 3,
  ancestors: [
    { line: 1, end: at(5) },
    { line: 2, end: at(8) },
  ],
}

/** Segments by timeline; the last one named grows. */
function held(
  lines: Readonly<Record<number, readonly number[]>>,
  histories: readonly TimelineHistory[] = [],
  reached = size - 1,
): LogHeld {
  const names = Object.entries(lines).flatMap(([line, all]) =>
    all.map((index) => name(Number(line), index)),
  )
  const growing = new Map(names.slice(-1).map((each) => [each, reached]))
  const segments = new Set(names.filter((each) => !growing.has(each)))
  return { segmentBytes: size, segments, growing, histories }
}

suite('the chain from a base', () => {
  test('goes on to the last piece, and is whole if none is missing', () => {
    const chain = chainFrom(held({ 1: [2, 3, 4] }), { line: 1, at: at(3) })
    assert.deepEqual(chain, { line: 1, names: [name(1, 3), name(1, 4)], isWhole: true })
    assert.equal(chainFrom(held({ 1: [2, 3, 5] }), { line: 1, at: at(2) }).isWhole, false)
    assert.equal(chainFrom(held({ 1: [2, 3] }), { line: 1, at: at(1) }).isWhole, false)
    assert.equal(chainFrom(held({ 1: [2, 3] }), { line: 1, at: at(4) }).isWhole, false)
    assert.equal(chainFrom(held({}), { line: 1, at: at(4) }).isWhole, false)
  })

  test('is not whole before all is received that the base itself needs', () => {
    const from = { line: 1, at: at(3, 400) }
    assert.equal(chainFrom(held({ 1: [2, 3] }, [], 399), from).isWhole, false)
    assert.equal(chainFrom(held({ 1: [2, 3] }, [], 400), from).isWhole, true)
    // It has gone on from there.
    assert.equal(chainFrom(held({ 1: [2, 3, 4] }, [], 0), from).isWhole, true)
  })

  test('needs nothing yet of a segment that begins just where the base ends', () => {
    const chain = chainFrom(held({ 1: [2, 3] }, [], size), { line: 1, at: at(4, 0) })
    assert.deepEqual(chain, { line: 1, names: [], isWhole: true })
    assert.equal(chainFrom(held({ 1: [2, 3] }), { line: 1, at: at(4, 0) }).isWhole, false)
    assert.equal(chainFrom(held({ 1: [2] }), { line: 1, at: at(4, 0) }).isWhole, false)
  })

  test('changes to the next timeline in the segment where that begins', () => {
    const all = held({ 1: [3, 4, 5], 2: [5, 6, 7, 8], 3: [8, 9] }, [second, third])
    const chain = chainFrom(all, { line: 1, at: at(4) })
    const names = [name(1, 4), name(2, 5), name(2, 6), name(2, 7), name(3, 8), name(3, 9)]
    assert.deepEqual(chain, { line: 3, names, isWhole: true })
  })

  test('is broken where the first segment of a timeline is missing', () => {
    const all = held({ 1: [3, 4, 5], 2: [6, 7] }, [second])
    assert.equal(chainFrom(all, { line: 1, at: at(4) }).isWhole, false)
  })

  test('is broken where a segment ends in the midst, and later ones are there', () => {
    const all = held({ 1: [3, 4, 5] })
    const growing = new Map([...all.growing, [name(1, 4), size - 1]])
    const cut = { ...all, growing, segments: new Set([name(1, 3)]) }
    assert.equal(chainFrom(cut, { line: 1, at: at(3) }).isWhole, false)
    assert.equal(chainFrom(cut, { line: 1, at: at(4) }).isWhole, false)
    assert.equal(chainFrom(cut, { line: 1, at: at(5) }).isWhole, true)
    // All of it had come, and nobody had made it whole yet.
    const full = { ...cut, growing: new Map([...growing, [name(1, 4), size]]) }
    assert.equal(chainFrom(full, { line: 1, at: at(3) }).isWhole, true)
  })

  test('ends before a timeline that has only just begun', () => {
    const all = held({ 1: [3, 4, 5] }, [second])
    const chain = chainFrom(all, { line: 1, at: at(4) })
    assert.deepEqual(chain, { line: 1, names: [name(1, 4), name(1, 5)], isWhole: true })
  })

  test('leaves out what a timeline went on with after another had begun', () => {
    const all = held({ 1: [3, 4, 5, 6, 7], 2: [5, 6] }, [second])
    const chain = chainFrom(all, { line: 1, at: at(5) })
    assert.deepEqual(chain, { line: 2, names: [name(2, 5), name(2, 6)], isWhole: true })
    // A base of that stretch is no part of what came after.
    const lost = chainFrom(all, { line: 1, at: at(6) })
    assert.deepEqual(lost, { line: 1, names: [name(1, 6), name(1, 7)], isWhole: true })
  })
})

suite('receiving goes on', () => {
  const first: TimelineHistory = { line: 1, ancestors: [] }

  test('after the last whole segment', () => {
    assert.deepEqual(resumeAt(held({ 1: [3, 4, 5] }), first), { line: 1, at: at(5, 0) })
    assert.equal(resumeAt(held({}), first), undefined)
  })

  test('at the start of the one that grows where none before it is whole', () => {
    // From where the server is now, all that it had kept after that one would be let go.
    assert.deepEqual(resumeAt(held({ 1: [3] }), first), { line: 1, at: at(3, 0) })
    assert.deepEqual(resumeAt(held({ 1: [3] }, [second]), second), { line: 1, at: at(3, 0) })
    assert.deepEqual(resumeAt(held({ 1: [5] }, [second]), second), { line: 2, at: at(5, 0) })
    const both = held({ 1: [3, 4], 2: [6] }, [second])
    assert.deepEqual(resumeAt(both, second), { line: 2, at: at(6, 0) })
  })

  test('behind a gap once something is there of what came after it', () => {
    assert.deepEqual(resumeAt(held({ 1: [3, 4, 9] }), first), { line: 1, at: at(9, 0) })
    const growing = new Map([5, 9].map((index) => [name(1, index), 100]))
    const twice = { ...held({ 1: [3, 4, 5] }), growing }
    assert.deepEqual(resumeAt(twice, first), { line: 1, at: at(9, 0) })
    const older = { ...held({ 1: [3, 4, 6, 7] }), growing: new Map([[name(1, 5), 100]]) }
    const segments = new Set([...older.segments, name(1, 7)])
    assert.deepEqual(resumeAt({ ...older, segments }, first), { line: 1, at: at(8, 0) })
  })

  test('on the timeline before until that ends, then on the next from its first segment', () => {
    assert.deepEqual(resumeAt(held({ 1: [3, 4] }, [second]), second), { line: 1, at: at(4, 0) })
    const all = held({ 1: [3, 4, 5] }, [second])
    assert.deepEqual(resumeAt(all, second), { line: 2, at: at(5, 0) })
    // It had gone on after the other one began.
    const tail = held({ 1: [3, 4, 5, 6, 7, 8] }, [second])
    assert.deepEqual(resumeAt(tail, second), { line: 2, at: at(5, 0) })
    const later = held({ 1: [4, 5], 2: [5, 6, 7] }, [second])
    assert.deepEqual(resumeAt(later, second), { line: 2, at: at(7, 0) })
  })
})

test('what is older than the oldest base is not needed, and nothing else', () => {
  const all = held({ 1: [3, 4, 5], 2: [5, 6] }, [second])
  assert.deepEqual(surplusOf(all, { line: 1, at: at(3) }), [])
  assert.deepEqual(surplusOf(all, { line: 1, at: at(5) }), [name(1, 3), name(1, 4)])
  assert.deepEqual(surplusOf(all, { line: 2, at: at(6) }).toSorted(), [
    ...[name(1, 3), name(1, 4), name(1, 5), name(2, 5)],
  ])
})
