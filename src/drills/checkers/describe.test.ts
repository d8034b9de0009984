// Can a person read what a checker found?

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { a, r, transaction as t } from '../../../test/fixtures/histories.ts'
import { checkAcknowledged } from './acknowledged.ts'
import { checkAppends } from './append.ts'
import { describeAcknowledged, describeAppends, describeEpochs } from './describe.ts'
import { checkEpochs } from './epochs.ts'

test('counts the rows that are gone and names the first of them', () => {
  const inserts = Array.from({ length: 30 }, (_, id) => ({
    ...{ id, outcome: id === 29 ? ('unknown' as const) : ('ok' as const) },
    ...{ invoked: id, completed: id + 1 },
  }))
  const verdict = checkAcknowledged(inserts, { ids: [0, 29, 77], invoked: 100, completed: 101 })
  assert.equal(
    describeAcknowledged(verdict),
    `28 of 29 acknowledged rows are gone; of 1 with an unknown outcome 1 are there
  acknowledged and gone (28): 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 …
  there and never tried (1): 77`,
  )
})

test('shows which server acknowledged late, and which had before it', () => {
  const old = { server: 'orders-1', epoch: 4, invoked: 30, completed: 31 }
  const now = { server: 'orders-2', epoch: 5, invoked: 10, completed: 20 }
  const both = { ...now, server: 'orders-3' }
  assert.equal(
    describeEpochs(checkEpochs([old, now, both])),
    [
      '1 of 3 acknowledgements came at an epoch that was over; ',
      'servers beyond the first of an epoch: 1\n  orders-1 acknowledged at epoch 4 what was ',
      'asked for at 30; orders-3 had acknowledged at epoch 5 at 20\n  orders-2 and orders-3 ',
      'both acknowledged at epoch 5',
    ].join(''),
  )
})

test('shows the smallest cycle, and why each comes before the next', () => {
  const history = [
    t('w', 0, 1, a('x', 1), a('y', 2)),
    t('s', 5, 6, r('x', 1), r('y')),
    { ...t('u', 7, 8, r('y'), a('x', 9)), outcome: 'unknown' as const },
    t('end', 20, 21, r('x', 1), r('y', 2)),
  ]
  assert.equal(
    describeAppends(checkAppends(history)),
    `3 transactions are not strict-serializable: 1 G-single
G-single: each has to come before the next, and the last first
  s (ok, 5 to 6): read x [1], read y []
  w (ok, 0 to 1): append 1 to x, append 2 to y
  s before w: s did not see 2 in y
  w before s: s read 1 in x`,
  )
})

test('says what passed, and what a weaker level let pass', () => {
  const update = [t('1', 0, 9, r('x'), a('x', 1)), t('2', 0, 9, r('x'), a('x', 2))]
  const history = [...update, t('end', 20, 21, r('x', 1, 2))]
  assert.equal(
    describeAppends(checkAppends(history, 'read-committed')),
    '3 transactions are read-committed\nallowed by read-committed: 1 G-single',
  )
})

test('has a sentence for each thing that one list shows, and shortens long lists', () => {
  const aborted = { ...t('f', 0, 1, a('x', 3)), outcome: 'fail' as const }
  const long = Array.from({ length: 9 }, (_, index) => index + 10)
  const writers = long.map((value) => t(`w${value}`, 0, 50, a('x', value)))
  const said = describeAppends(
    checkAppends([aborted, ...writers, t('r', 0, 50, r('x', ...long, 3))]),
  )
  assert.match(said, /aborted-read: r read 3 in x, which f had given up\n {2}f \(fail, 0 to 1\)/)
  assert.match(said, /r \(ok, 0 to 50\): read x \[4 more, 14, 15, 16, 17, 18, 3\]/)
  const sentences: readonly (readonly [RegExp, Parameters<typeof checkAppends>[0]])[] = [
    [/no read shows the acknowledged 1 in x/, [t('1', 0, 1, a('x', 1)), t('2', 5, 6, r('x'))]],
    [/2 read 8 in x, which nobody appended/, [t('2', 5, 6, r('x', 8))]],
    [/2 read 1 in x twice/, [t('1', 0, 1, a('x', 1)), t('2', 5, 6, r('x', 1, 1))]],
    [/1 did not read its own append of 1 to x/, [t('1', 0, 1, a('x', 1), r('x'))]],
    [
      /2 read 1 in x after what 1 appended later/,
      [t('1', 0, 1, a('x', 1), a('x', 2)), t('2', 5, 6, r('x', 2, 1))],
    ],
    [
      /2 read x in the middle of 1, at 1/,
      [t('1', 0, 1, a('x', 1), a('x', 2)), t('2', 0, 1, r('x', 1))],
    ],
    [
      /2 and 3 read x as two lists that part at 1/,
      [
        ...[t('0', 0, 9, a('x', 1)), t('1', 0, 9, a('x', 2))],
        ...[t('2', 0, 9, r('x', 1)), t('3', 0, 9, r('x', 2, 1))],
      ],
    ],
  ]
  for (const [pattern, history] of sentences) {
    assert.match(describeAppends(checkAppends(history)), pattern)
  }
})
