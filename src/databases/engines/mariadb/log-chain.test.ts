// Which transactions lead on from a base of MariaDB, and which had been committed by a moment.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { instant } from '../../../foundation/time.ts'
import { cutAt } from '../mysql-kin/chain-cut.ts'
import type { ChainPart, Outline } from '../mysql-kin/outline.ts'
import { runsOf } from '../mysql-kin/runs.ts'
import { chainFrom } from './log-chain.ts'

/** Transactions by their numbers: server 64 is the primary of epoch 1, 128 that of epoch 2. */
const piece = (name: string, after: string, ...gtids: readonly string[]): Outline => ({
  ...{ name, after, isWhole: true, runs: runsOf(gtids), end: gtids.length * 10 },
  latest: Math.max(0, ...gtids.map((gtid) => Number(gtid.split('-')[2]))),
})

const gtidsIn = ({ runs }: Pick<ChainPart, 'runs'>): readonly string[] =>
  runs.flatMap(({ source, first, last }) =>
    Array.from({ length: last - first + 1 }, (_, at) => `${source}${first + at}`),
  )

const gtidsOf = (chain: readonly ChainPart[] | undefined): readonly string[] | undefined =>
  chain?.flatMap(gtidsIn)

suite('the chain from a base', () => {
  const first = piece('1', '', '0-64-1', '0-64-2', '0-64-3')
  const second = piece('2', '0-64-3', '0-64-4', '0-64-5')

  test('goes on over pieces to the last transaction', () => {
    assert.deepEqual(gtidsOf(chainFrom([first, second], '0-64-2')), [
      ...['0-64-3', '0-64-4', '0-64-5'],
    ])
    assert.deepEqual(gtidsOf(chainFrom([first, second], '')), [
      ...['0-64-1', '0-64-2', '0-64-3', '0-64-4', '0-64-5'],
    ])
    assert.deepEqual(gtidsOf(chainFrom([second], '0-64-3')), ['0-64-4', '0-64-5'])
    assert.deepEqual(gtidsOf(chainFrom([first, second], '0-64-5')), [])
    const both = piece('3', '0-64-5', '0-64-6', '0-128-7', '0-128-8', '0-128-10')
    assert.deepEqual(gtidsOf(chainFrom([both], '0-128-7')), ['0-128-8', '0-128-10'])
    assert.equal(chainFrom([both], '0-128-9'), undefined)
  })

  test('is none where a piece is missing, or the base is of no piece', () => {
    const later = piece('3', '0-64-8', '0-64-9')
    assert.equal(chainFrom([first, later], '0-64-2'), undefined)
    assert.deepEqual(gtidsOf(chainFrom([first, later], '0-64-8')), ['0-64-9'])
    assert.equal(chainFrom([first], '0-64-7'), undefined)
    assert.equal(chainFrom([], '0-64-7'), undefined)
  })

  test('leaves out what an old primary wrote that the next one does not have', () => {
    const next = piece('3', '0-64-4', '0-128-5', '0-128-6')
    const chain = chainFrom([first, second, next], '0-64-2')
    assert.deepEqual(gtidsOf(chain), ['0-64-3', '0-64-4', '0-128-5', '0-128-6'])
    // A base of what was left out leads nowhere.
    assert.equal(chainFrom([first, second, next], '0-64-5'), undefined)
    // The base itself is the last that both have.
    assert.deepEqual(gtidsOf(chainFrom([second, next], '0-64-4')), ['0-128-5', '0-128-6'])
  })
})

test('a moment has earlier seconds, and what had come in its own', async () => {
  const chain = chainFrom([piece('1', '', '0-64-1', '0-64-2', '0-64-3')], '') ?? []
  const groupsOf = (part: ChainPart) =>
    gtidsIn(part).map((gtid, at) => {
      const second = Number(gtid.split('-')[2])
      return { gtid, from: at * 10, to: at * 10 + 10, second, at: second * 1000 + 300 }
    })
  let looks = 0
  const read = async (part: ChainPart) => {
    looks += 1
    return { bytes: Buffer.alloc(0), begin: 0, groups: groupsOf(part) }
  }
  const at = async (to: number) => {
    const { parts, isExact } = await cutAt(chain, instant(to), read)
    return [gtidsOf(parts)?.length, isExact]
  }
  assert.deepEqual(await at(2299), [1, true])
  assert.deepEqual(await at(2300), [2, true])
  assert.deepEqual(await at(2999), [2, true])
  assert.deepEqual(await at(3300), [3, false])
  assert.deepEqual(await at(999), [0, true])
  // What ended earlier is not read for that.
  looks = 0
  assert.deepEqual(await at(4000), [3, false])
  assert.equal(looks, 0)
})
