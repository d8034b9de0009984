// When backups are made, removed and tried.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { instant } from '../../foundation/time.ts'
import type { BackupObservation, Base, KeptHistory } from './model.ts'
import { decideBackups } from './rules.ts'

const hour = 3_600_000
const now = instant(100 * hour)

const base = (hoursAgo: number): Base => ({
  ...{ id: `b${hoursAgo}`, database: 'orders', engine: 'postgresql', version: '18', origin: 'o' },
  ...{ source: 'orders-2', began: instant(now - hoursAgo * hour), start: '1:0/0', end: '1:0/1' },
  ...{ ended: instant(now - hoursAgo * hour + 1000), bytes: 1, parts: [] },
})

const history = (ages: readonly number[], more: Partial<KeptHistory> = {}): KeptHistory => {
  const bases = ages.map(base)
  const unbroken = bases.map(({ id }) => id)
  return { origin: 'o', since: instant(0), bases, unbroken, until: now, ...more }
}

const seen = (more: Partial<BackupObservation>): BackupObservation => ({
  ...{ now, every: 24 * hour, keep: 3, tryEvery: undefined, history: history([1]), former: [] },
  ...{ source: 'orders-2', receiving: true, trials: [], failed: undefined, ...more },
})

const ruleOf = (more: Partial<BackupObservation>): string => decideBackups(seen(more)).rule

suite('a base backup is made', () => {
  test('when there is none, when the log broke, and when the last one is old', () => {
    assert.equal(ruleOf({ history: undefined }), 'first-backup')
    assert.equal(ruleOf({ history: history([]) }), 'first-backup')
    assert.equal(ruleOf({ history: history([1], { unbroken: [] }) }), 'log-broken')
    assert.equal(ruleOf({ history: history([25, 24]) }), 'backup-due')
    assert.equal(ruleOf({ history: history([25, 23]) }), 'steady')
  })

  test('only where somebody can be copied and the log is received', () => {
    for (const lacks of [{ source: undefined }, { receiving: false }]) {
      assert.equal(ruleOf({ history: undefined, ...lacks }), 'wait-for-source')
      assert.equal(ruleOf({ history: history([24]), ...lacks }), 'wait-for-source')
    }
  })

  test('after a failure only once a wait is over, which grows up to an hour', () => {
    const failed = (secondsAgo: number, times: number) =>
      ruleOf({ history: undefined, failed: { at: instant(now - secondsAgo * 1000), times } })
    assert.equal(failed(29, 1), 'wait-after-failure')
    assert.equal(failed(30, 1), 'first-backup')
    assert.equal(failed(30, 2), 'wait-after-failure')
    assert.equal(failed(60, 2), 'first-backup')
    assert.equal(failed(3599, 50), 'wait-after-failure')
    assert.equal(failed(3600, 50), 'first-backup')
  })
})

suite('backups are removed', () => {
  const removed = (more: Partial<BackupObservation>): readonly string[] =>
    decideBackups(seen(more)).actions.flatMap((action) =>
      action.kind === 'remove' ? [action.base] : [],
    )
  const bad = (id: string) => ({ base: id, at: now, well: false, line: '' })

  test('that are older than as many as are to be kept', () => {
    assert.deepEqual(removed({ history: history([5, 4, 3, 2, 1]) }), ['b5', 'b4'])
    assert.deepEqual(removed({ history: history([3, 2, 1]) }), [])
  })

  test('but what failed a trial does not count as one', () => {
    const trials = [bad('b2'), bad('b1')]
    assert.deepEqual(removed({ history: history([5, 4, 3, 2, 1]), trials }), [])
    assert.deepEqual(removed({ history: history([6, 5, 4, 3, 2, 1]), trials }), ['b6'])
    // What failed once and then went well is good.
    const again = [...trials, { ...bad('b1'), well: true }]
    assert.deepEqual(removed({ history: history([5, 4, 3, 2, 1]), trials: again }), ['b5'])
  })

  test('of a former history all, once this one has enough', () => {
    const former = [history([50], { origin: 'before' })]
    assert.deepEqual(decideBackups(seen({ former, keep: 1 })).actions, [
      { kind: 'forget', origin: 'before' },
    ])
    assert.deepEqual(decideBackups(seen({ former, keep: 2 })).actions, [])
  })

  test('never the newest that is not known to be bad, nor all of them', () => {
    const ages = fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(
        ages,
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.nat(11)),
        (all, keep, bads) => {
          const sorted = all.toSorted((a, b) => b - a)
          const kept = history(sorted)
          const trials = bads.flatMap((at) => (kept.bases[at] ? [bad(kept.bases[at].id)] : []))
          const gone = new Set(
            removed({ history: kept, keep, trials, every: 1e12, source: undefined }),
          )
          const isBad = (id: string): boolean => trials.some((trial) => trial.base === id)
          const good = kept.bases.filter(({ id }) => !isBad(id))
          const left = good.filter(({ id }) => !gone.has(id))
          assert.ok(left.length >= Math.min(keep, good.length))
          assert.ok(good.length === 0 || left.at(-1) === good.at(-1))
          assert.ok(gone.size < kept.bases.length)
          // What goes is older than all that stays.
          const eldest = kept.bases.find(({ id }) => !gone.has(id))
          for (const { id, began } of kept.bases) if (gone.has(id)) assert.ok(began < eldest!.began)
        },
      ),
    )
  })
})

suite('the last backup is restored on trial', () => {
  const trial = (hoursAgo: number, well = true) => ({
    ...{ base: 'b1', at: instant(now - hoursAgo * hour), well, line: '' },
  })

  test('when none was tried yet, and when the last trial is old', () => {
    const tryEvery = 48 * hour
    assert.deepEqual(decideBackups(seen({ tryEvery })).actions, [{ kind: 'try', base: 'b1' }])
    assert.equal(ruleOf({ tryEvery, trials: [trial(48)] }), 'trial-due')
    assert.equal(ruleOf({ tryEvery, trials: [trial(47)] }), 'steady')
    assert.equal(ruleOf({ tryEvery, trials: [trial(47, false)] }), 'steady')
  })

  test('only if the file says so, and not before one is made that is due', () => {
    assert.equal(ruleOf({}), 'steady')
    assert.equal(ruleOf({ tryEvery: hour, history: history([24]) }), 'backup-due')
    assert.equal(ruleOf({ tryEvery: hour, failed: { at: now, times: 1 } }), 'wait-after-failure')
  })
})
