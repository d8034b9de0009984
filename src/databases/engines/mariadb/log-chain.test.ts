// Which transactions lead on from a base of MariaDB, and which had been committed by a moment.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { instant } from '../../../foundation/time.ts'
import { type ChainPart, cutAt, type Piece } from '../mysql-kin/log-pieces.ts'
import { chainFrom } from './log-chain.ts'

/** Transactions by their numbers: server 64 is the primary of epoch 1, 128 that of epoch 2. */
const piece = (name: string, after: string, ...gtids: readonly string[]): Piece => ({
  ...{ name, after, isWhole: true },
  groups: gtids.map((gtid, at) => ({
    ...{ gtid, from: at * 10, to: at * 10 + 10 },
    ...{ second: Number(gtid.split('-')[2]), at: Number(gtid.split('-')[2]) * 1000 + 300 },
  })),
})

const gtidsOf = (chain: readonly ChainPart[] | undefined): readonly string[] | undefined =>
  chain?.flatMap(({ groups }) => groups.map(({ gtid }) => gtid))

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

test('a moment has what was committed in earlier seconds, and what had come in its own', () => {
  const chain = chainFrom([piece('1', '', '0-64-1', '0-64-2', '0-64-3')], '') ?? []
  const at = (to: number) => {
    const { parts, isExact } = cutAt(chain, instant(to))
    return [gtidsOf(parts)?.length, isExact]
  }
  assert.deepEqual(at(2299), [1, true])
  assert.deepEqual(at(2300), [2, true])
  assert.deepEqual(at(2999), [2, true])
  assert.deepEqual(at(3300), [3, false])
  assert.deepEqual(at(999), [0, true])
})
