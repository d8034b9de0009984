// Every rule of a member has a world in which it decides, and none harms a server that serves.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { instant } from '../../foundation/time.ts'
import { decide } from './decide.ts'
import { electionMost, roomLeast, silenceMost, startMost } from './facts.ts'
import type { EnsembleObservation, MemberAnswer, MemberProcess } from './model.ts'
import { ensembleRules } from './rules.ts'

const now = instant(1_000_000)
const running: MemberProcess = {
  state: 'running',
  revision: 7,
  startedAt: instant(now - 10_000),
  isFrozen: false,
}
const follows: MemberAnswer = { kind: 'serves', mode: 'follower' }
/** A server that is as it should be. */
const well: EnsembleObservation = {
  ...{ now, wanted: 7, member: running, answer: follows, silentSince: undefined },
  patience: silenceMost,
  ...{ others: 2, othersServe: 2, unservedSince: undefined, hasTurn: false },
  room: 100 * roomLeast,
}
const silent: Partial<EnsembleObservation> = {
  answer: { kind: 'silent' },
  silentSince: instant(now - silenceMost - 1),
}
const unserved: Partial<EnsembleObservation> = {
  answer: { kind: 'waits' },
  othersServe: 0,
  unservedSince: instant(now - electionMost - 1),
}
const young = { ...running, startedAt: instant(now - startMost) }
const old = { ...running, startedAt: instant(now - startMost - 1) }
const ended: MemberProcess = { ...running, state: 'crash-looping' }

const worlds: Readonly<Record<string, readonly [Partial<EnsembleObservation>, string]>> = {
  'server-ends': [{ member: { ...running, state: 'stopping' } }, ''],
  'server-not-wanted': [{ wanted: undefined }, 'stop'],
  'no-server-here': [{ wanted: undefined, member: undefined }, ''],
  'server-frozen': [{ member: { ...running, isFrozen: true } }, 'kill'],
  'server-silent': [silent, 'kill'],
  'server-never-answered': [{ member: old, answer: { kind: 'refused' } }, 'kill'],
  'server-lost': [{ member: { ...running, state: 'lost' } }, 'kill'],
  'no-room': [{ member: undefined, room: roomLeast - 1 }, ''],
  'ended-without-room': [{ member: ended, room: roomLeast - 1 }, 'stop'],
  'server-missing': [{ member: undefined }, 'start'],
  'change-misses-nobody': [{ wanted: 8, ...unserved }, 'stop'],
  'change-now': [{ wanted: 8, hasTurn: true }, 'stop'],
  'change-waits-for-others': [{ wanted: 8, hasTurn: true, othersServe: 1 }, ''],
  'change-waits-for-turn': [{ wanted: 8 }, 'ask-turn'],
  'turn-is-over': [{ hasTurn: true }, 'yield-turn'],
  'room-gets-short': [{ room: roomLeast }, ''],
  'server-serves': [{}, ''],
  'server-joins': [{ member: young, answer: { kind: 'waits' } }, ''],
}

suite('a member of a managed ensemble', () => {
  for (const { id } of ensembleRules) {
    test(`${id} decides in its world`, () => {
      const [world, action] = worlds[id] ?? assert.fail(`${id} has no world`)
      const { rule, actions } = decide({ ...well, ...world })
      assert.deepEqual([rule, actions.map(({ kind }) => kind).join()], [id, action])
    })
  }

  test('is not ended while it serves as it should, whatever the others do', () => {
    for (const othersServe of [0, 1, 2]) {
      for (const hasTurn of [false, true]) {
        for (const room of [0, roomLeast, 100 * roomLeast]) {
          const { actions } = decide({ ...well, othersServe, hasTurn, room })
          assert.ok(actions.every(({ kind }) => kind === 'yield-turn'))
        }
      }
    }
  })

  test('is not called silent for what a late look missed, nor before it has answered', () => {
    const justNow = { ...silent, silentSince: instant(now - silenceMost) }
    assert.equal(decide({ ...well, ...justNow }).rule, 'server-joins')
    assert.equal(
      decide({ ...well, answer: { kind: 'silent' }, member: young }).rule,
      'server-joins',
    )
  })

  test('restarts for new settings only with its turn, as long as anybody is served', () => {
    for (const othersServe of [0, 1, 2]) {
      const { actions } = decide({ ...well, wanted: 8, othersServe })
      assert.deepEqual(actions, [{ kind: 'ask-turn' }])
    }
  })

  test('does not restart for new settings because an election is under way', () => {
    const election = { ...unserved, unservedSince: instant(now - electionMost) }
    assert.equal(decide({ ...well, ...election, wanted: 8 }).rule, 'change-waits-for-turn')
  })

  test('restarts for new settings at once where it is alone', () => {
    assert.equal(decide({ ...well, wanted: 8, others: 0 }).rule, 'change-misses-nobody')
  })
})
