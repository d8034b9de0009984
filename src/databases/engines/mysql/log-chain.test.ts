// Which transactions lead on from a base of MySQL, and from where a log is received on.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { ChainPart, Outline } from '../mysql-kin/outline.ts'
import { runsOf } from '../mysql-kin/runs.ts'
import { chainFrom, resumeFrom } from './log-chain.ts'

const a = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const b = '3e11fa47-71ca-11e1-9e33-c80aa9429563'

const piece = (name: string, after: string, ...gtids: readonly string[]): Outline => ({
  ...{ name, after, isWhole: true, runs: runsOf(gtids), end: gtids.length, latest: 1 },
})
const gtidsOf = (chain: readonly ChainPart[] | undefined): readonly string[] | undefined =>
  chain?.flatMap(({ runs }) =>
    runs.flatMap(({ source, first, last }) =>
      Array.from({ length: last - first + 1 }, (_, at) => `${source}${first + at}`),
    ),
  )

suite('the chain from a base', () => {
  const first = piece('1', '', `${a}:1`, `${a}:2`, `${a}:3`)
  const second = piece('2', `${a}:1-3`, `${a}:4`, `${a}:5`)

  test('goes on over pieces to the last transaction', () => {
    assert.deepEqual(gtidsOf(chainFrom([first, second], `${a}:1-2`)), [
      ...[`${a}:3`, `${a}:4`, `${a}:5`],
    ])
    assert.deepEqual(gtidsOf(chainFrom([second], `${a}:1-3`)), [`${a}:4`, `${a}:5`])
    assert.deepEqual(gtidsOf(chainFrom([second], `${a}:1-4`)), [`${a}:5`])
    assert.deepEqual(gtidsOf(chainFrom([first, second], `${a}:1-5`)), [])
  })

  test('is none where a piece is missing, or the base has what no piece knows', () => {
    const later = piece('3', `${a}:1-8`, `${a}:9`)
    assert.equal(chainFrom([first, later], `${a}:1-2`), undefined)
    assert.deepEqual(gtidsOf(chainFrom([first, later], `${a}:1-8`)), [`${a}:9`])
    assert.equal(chainFrom([first], `${a}:1-7`), undefined)
    assert.equal(chainFrom([first], `${a}:1-2,${b}:1`), undefined)
    assert.equal(chainFrom([], `${a}:1`), undefined)
  })

  test('leaves out what an old primary wrote that the next one does not have', () => {
    const next = piece('3', `${a}:1-4`, `${b}:1`, `${b}:2`)
    const chain = chainFrom([first, second, next], `${a}:1-2`)
    assert.deepEqual(gtidsOf(chain), [`${a}:3`, `${a}:4`, `${b}:1`, `${b}:2`])
    // A base that has what was left out leads nowhere.
    assert.equal(chainFrom([first, second, next], `${a}:1-5`), undefined)
    assert.deepEqual(gtidsOf(chainFrom([second, next], `${a}:1-4`)), [`${b}:1`, `${b}:2`])
  })

  test('takes what came twice only once', () => {
    const again = piece('3', `${a}:1-3`, `${a}:4`, `${a}:5`, `${a}:6`)
    const chain = chainFrom([first, second, again], `${a}:1-2`)
    assert.deepEqual(gtidsOf(chain), [`${a}:3`, `${a}:4`, `${a}:5`, `${a}:6`])
  })
})

test('a log is received on from what both have, unless what comes next is gone', () => {
  const newest = piece('2', `${a}:1-3`, `${a}:4`, `${a}:5`)
  assert.equal(resumeFrom(newest, `${a}:1-9`, ''), `${a}:1-5`)
  assert.equal(resumeFrom(newest, `${a}:1-4,${b}:1-2`, `${a}:1-2`), `${a}:1-4`)
  assert.equal(resumeFrom(newest, `${a}:1-9`, `${a}:1-7`), undefined)
  assert.equal(resumeFrom(undefined, `${a}:1-9`, ''), undefined)
})
