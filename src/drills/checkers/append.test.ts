// Does the checker find every way in which lists can be wrong, and nothing where they are right?

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  a,
  isExplained,
  r,
  soundHistories,
  transaction as t,
  withReads,
} from '../../../test/fixtures/histories.ts'
import { fc } from '../../../test/fixtures/properties.ts'
import { checkAppends, shownBy } from './append.ts'
import type { Anomaly, Level, Transaction } from './model.ts'

const nameOf = (anomaly: Anomaly): string =>
  anomaly.kind === 'cycle' ? `${anomaly.name}${anomaly.realtime ? ' realtime' : ''}` : anomaly.kind

const names = (history: readonly Transaction[], level?: Level): readonly string[] =>
  checkAppends(history, level).anomalies.map(nameOf)

const fail = (one: Transaction): Transaction => ({ ...one, outcome: 'fail' })
const unknown = (one: Transaction): Transaction => ({ ...one, outcome: 'unknown' })

const known: readonly (readonly [what: string, named: string, history: readonly Transaction[]])[] =
  [
    [
      'two writers interleaved',
      'G0',
      [t('1', 0, 9, a('x', 1), a('y', 1)), t('2', 0, 9, a('x', 2), a('y', 2))].concat(
        t('end', 20, 21, r('x', 1, 2), r('y', 2, 1)),
      ),
    ],
    [
      'two writers interleaved whose last appends nobody read',
      'G0',
      [
        ...[t('1', 0, 9, a('x', 1), a('y', 1)), t('2', 0, 9, a('x', 2), a('y', 2))],
        t('3', 0, 9, r('x', 1), r('y', 2)),
      ],
    ],
    [
      'a value that was given up',
      'aborted-read',
      [fail(t('1', 0, 9, a('x', 1))), t('2', 0, 9, r('x', 1))],
    ],
    [
      'half of a transaction',
      'intermediate-read, G-single',
      [t('1', 0, 9, a('x', 1), a('x', 2)), t('2', 0, 9, r('x', 1)), t('end', 20, 21, r('x', 1, 2))],
    ],
    [
      'two that read each other',
      'G1c',
      [t('1', 0, 9, a('x', 1), r('y', 1)), t('2', 0, 9, a('y', 1), r('x', 1))],
    ],
    [
      'one part of a transaction without the other',
      'G-single',
      [t('1', 0, 9, a('x', 1), a('y', 1)), t('2', 0, 9, r('x', 1), r('y'))].concat(
        t('end', 20, 21, r('y', 1)),
      ),
    ],
    [
      'an update that is built on what another has replaced',
      'G-single',
      [t('1', 0, 9, r('x'), a('x', 1)), t('2', 0, 9, r('x'), a('x', 2))].concat(
        t('end', 20, 21, r('x', 1, 2)),
      ),
    ],
    [
      'two that each miss what the other writes',
      'G2',
      [t('1', 0, 9, r('x'), a('y', 1)), t('2', 0, 9, r('y'), a('x', 1))].concat(
        t('end', 20, 21, r('x', 1), r('y', 1)),
      ),
    ],
    [
      'two readers that see two writes in different orders',
      'G2',
      [
        ...[t('1', 0, 9, a('x', 1)), t('2', 0, 9, a('y', 1))],
        ...[t('3', 0, 9, r('x', 1), r('y')), t('4', 0, 9, r('x'), r('y', 1))],
        t('end', 20, 21, r('x', 1), r('y', 1)),
      ],
    ],
    [
      'an acknowledged append that is gone',
      'lost-append',
      [t('1', 0, 1, a('x', 1)), t('2', 2, 3, a('x', 2)), t('end', 4, 5, r('x', 2))],
    ],
    [
      'a list that was forked',
      'incompatible-order',
      [
        ...[t('1', 0, 9, a('x', 1)), t('2', 0, 9, a('x', 2)), t('3', 0, 9, a('x', 3))],
        ...[t('4', 0, 9, r('x', 1, 2)), t('5', 0, 9, r('x', 1, 3))],
      ],
    ],
    [
      'a value twice',
      'duplicate-element',
      [t('1', 0, 9, a('x', 1)), t('end', 20, 21, r('x', 1, 1))],
    ],
    [
      'a transaction turned round',
      'reordered-append',
      [t('1', 0, 9, a('x', 1), a('x', 2)), t('2', 0, 9, r('x', 2, 1))],
    ],
    ['a value of nobody', 'never-appended', [t('1', 0, 9, a('x', 1)), t('2', 0, 9, r('x', 1, 7))]],
    ['a transaction blind to itself', 'internal', [t('1', 0, 9, a('x', 1), r('x'))]],
    ['a transaction ahead of itself', 'internal', [t('1', 0, 9, r('x', 1), a('x', 1))]],
    [
      'a read that ended before what it shows began',
      'G1c realtime',
      [t('1', 0, 1, r('x', 1)), t('2', 2, 3, a('x', 1))],
    ],
    [
      'a read that is stale',
      'G-single realtime',
      [t('1', 0, 1, a('x', 1)), t('2', 2, 3, r('x')), t('end', 4, 5, r('x', 1))],
    ],
    [
      'a read that is stale, after another that overlapped with the append',
      'G-single realtime',
      [t('1', 0, 10, a('x', 1)), t('2', 8, 20, r('y')), t('3', 30, 31, r('x'))].concat(
        t('end', 40, 41, r('x', 1)),
      ),
    ],
    [
      'appends that were turned round after they were acknowledged',
      'G0 realtime',
      [t('1', 0, 1, a('x', 1)), t('2', 2, 3, a('x', 2)), t('end', 4, 5, r('x', 2, 1))],
    ],
  ]
for (const [what, named, history] of known) {
  test(`finds ${what}: ${named}`, () => {
    assert.equal(names(history).toSorted().toReversed().join(', '), named)
    assert.equal(isExplained(history), false)
  })
}

const levels: readonly (readonly [what: string, allowed: Level, refused: Level])[] = [
  ['a read that is stale', 'serializable', 'strict-serializable'],
  ['two that each miss what the other writes', 'snapshot-isolation', 'serializable'],
  [
    'an update that is built on what another has replaced',
    ...(['read-committed', 'snapshot-isolation'] as const),
  ],
]
for (const [what, allowed, refused] of levels) {
  test(`${allowed} allows, and ${refused} does not, ${what}`, () => {
    const history = known.find(([name]) => name === what)![2]
    assert.deepEqual(names(history, allowed), [])
    assert.equal(names(history, refused).length, 1)
  })
}

test('an unknown append may be there, may be absent, and may come at any time', () => {
  const write = unknown(t('1', 0, 1, a('x', 1)))
  assert.deepEqual(names([write, t('2', 9, 10, r('x', 1))]), [])
  assert.deepEqual(names([write, t('2', 9, 10, r('x'))]), [])
  assert.deepEqual(names([write, t('2', 9, 10, r('x')), t('3', 20, 21, r('x', 1))]), [])
  const back = [write, t('2', 9, 10, r('x', 1)), t('3', 20, 21, r('x'))]
  assert.deepEqual(names(back), ['G-single realtime'])
})

test('what ends at the instant at which another begins is not before it', () => {
  const history = [t('1', 0, 5, a('x', 1)), t('2', 5, 6, r('x')), t('end', 7, 8, r('x', 1))]
  assert.deepEqual(names(history), [])
})

const few = soundHistories({ transactionsMost: 5, keys: ['x', 'y'] })
const many = soundHistories({ transactionsMost: 60, keys: ['x', 'y', 'z'] })

test('passes every history of a database without faults', () => {
  fc.assert(
    fc.property(many, (history) => {
      assert.deepEqual(checkAppends(history).anomalies, [])
    }),
    { seed: 5, numRuns: 300 },
  )
})

test('agrees with trying every order, whatever reads are changed into', () => {
  let wrong = 0
  const change = fc.record({ place: fc.nat(), kind: fc.nat(4) })
  fc.assert(
    fc.property(few, fc.array(change, { minLength: 1, maxLength: 2 }), (sound, changes) => {
      const history = changes.reduce(changed, sound)
      const isRight = isExplained(history)
      if (!isRight) wrong += 1
      assert.equal(names(history).length === 0, isRight)
    }),
    { seed: 5, numRuns: 2000 },
  )
  assert.ok(wrong > 500, `only ${wrong} of the histories were wrong`)
})

/** Changes one read in one way: shortens, lengthens, turns it round, or moves its time. */
function changed(
  history: readonly Transaction[],
  { place, kind }: { readonly place: number; readonly kind: number },
): readonly Transaction[] {
  const reads = history.flatMap((one) =>
    one.steps.filter((step) => step.kind === 'read' && step.values !== undefined),
  )
  if (kind === 4) return moved(history, place)
  const chosen = reads[place % reads.length]
  const all = history.flatMap(({ steps }) => steps)
  const values = all.flatMap((e) => (e.kind === 'append' && e.key === chosen?.key ? [e.value] : []))
  const ways = [
    (now: readonly number[]) => now.slice(0, -1),
    (now: readonly number[]) => now.slice(1),
    (now: readonly number[]) => [...now, values[place % values.length] ?? 99],
    (now: readonly number[]) => now.toReversed(),
  ]
  return history.map((one) => ({
    ...one,
    steps: one.steps.map((step) =>
      step === chosen && step.kind === 'read'
        ? { ...step, values: ways[kind]!(step.values ?? []) }
        : step,
    ),
  }))
}

const moved = (history: readonly Transaction[], place: number): readonly Transaction[] =>
  history.map((one, index) =>
    index === place % history.length
      ? { ...one, invoked: one.invoked + 60, completed: one.completed + 60 }
      : one,
  )

const after = 10_000
/** Faults of a database, as clients on a list of their own meet them amid other work. */
const faults: Readonly<Record<string, readonly Transaction[]>> = Object.fromEntries(
  known.map(([what, , history]) => [
    what,
    history.map(({ id, invoked, completed, ...rest }) => ({
      ...rest,
      ...{ id: `f${id}`, invoked: invoked + after, completed: completed + after },
      steps: rest.steps.map((step) => ({ ...step, key: `fault-${step.key}` })),
    })),
  ]),
)
for (const [what, fault] of Object.entries(faults)) {
  test(`finds amid other work ${what}, and shows no more than that`, () => {
    fc.assert(
      fc.property(many, fc.nat(400), (sound, at) => {
        const early = fault.map((e) => ({
          ...e,
          ...{ invoked: e.invoked - after + at, completed: e.completed - after + at },
        }))
        const { anomalies } = checkAppends([...sound, ...early])
        assert.deepEqual(anomalies.map(nameOf), names(fault))
        assert.ok(anomalies.flatMap(shownBy).every(({ id }) => id.startsWith('f')))
      }),
      { seed: 5, numRuns: 20 },
    )
  })
}

test('finds it when a failover takes back what one client has read', () => {
  fc.assert(
    fc.property(many, (sound) => {
      const lists = sound.at(-1)!.steps.flatMap((e) => (e.kind === 'read' ? [e] : []))
      const [victim] = lists.flatMap(({ values }) => values ?? [])
      fc.pre(victim !== undefined)
      const cut = withReads(sound, (values) => values.filter((value) => value !== victim))
      const writer = sound.find(({ steps }) =>
        steps.some((e) => e.kind === 'append' && e.value === victim),
      )
      fc.pre(writer?.outcome === 'ok')
      assert.ok(names(cut).length > 0)
      const late = withReads(sound, (values, { id }) =>
        id === 'end' ? values.filter((value) => value !== victim) : values,
      )
      assert.ok(names(late).length > 0)
    }),
    { seed: 5, numRuns: 100 },
  )
})

test('judges twenty thousand transactions of which each overlaps with the next', () => {
  const keys = 50
  const count = 20_000
  const history = Array.from({ length: count }, (_, index) =>
    t(`${index}`, index * 10, index * 10 + 25, a(`k${index % keys}`, index)),
  )
  const all = (key: number): readonly number[] =>
    Array.from({ length: count / keys }, (_, place) => key + place * keys)
  const steps = Array.from({ length: keys }, (_, key) => r(`k${key}`, ...all(key)))
  const end = t('end', count * 11, count * 11 + 1, ...steps)
  assert.deepEqual(names([...history, end]), [])
  const stale = t('stale', count * 12, count * 12 + 1, r('k7', 7))
  assert.deepEqual(names([...history, end, stale]), ['G-single realtime'])
})

test('refuses a history in which one value is appended twice', () => {
  assert.throws(() => checkAppends([t('1', 0, 1, a('x', 1)), t('2', 0, 1, a('x', 1))]), {
    message: 'broken invariant: 1 is appended to x once',
  })
})
