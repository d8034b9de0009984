// Members go over to TLS, and back, step by step: any two of them understand each other meanwhile.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../test/fixtures/properties.ts'
import { instant, ms } from '../foundation/time.ts'
import { boundsFor } from './budget.ts'
import { decide } from './decide.ts'
import { wantedEncryption } from './durable-settings.ts'
import { encryptionOf, firstEncryption, isSpoken } from './encryption.ts'
import type {
  DatabaseObservation,
  DatabaseRecord,
  DatabaseWish,
  Encryption,
  FailoverBounds,
  MemberPlan,
  MemberSighting,
} from './model.ts'

const steps = ['plain', 'offered', 'spoken', 'required'] as const
const names = ['a', 'b', 'c']
const now = instant(1_000_000)
const acks = { members: ['b', 'c'], needed: 1 }
const at = { line: 4, at: 100 }
const wish: DatabaseWish = {
  name: 'o',
  members: names,
  durability: 'quorum',
  failover: 'auto',
  bounds: boundsFor(ms(4000), 'postgresql') as FailoverBounds,
}

const record: DatabaseRecord = {
  ...{ epoch: 4, version: 9, phase: { kind: 'serving', primary: 'a' }, acks: [acks] },
  ...{ floor: { line: 2, at: 10 }, proofs: [], proofsSince: 0, lastFailover: undefined },
}

const sighting = (member: string, change: Partial<MemberSighting> = {}): MemberSighting => ({
  ...{ member, heard: now, epoch: 4, promised: 4, received: at, applied: at, diverged: false },
  ...{ acksVersion: 8, acksSince: at, failingSince: undefined, acks: undefined },
  ...(member === 'a'
    ? { server: 'primary', writable: true, upstream: undefined, receivedAt: undefined, acks }
    : { server: 'replica', writable: false, upstream: 'a', receivedAt: now, lag: ms(0) }),
  ...change,
})

const seen = (
  wanted: 'plain' | 'required',
  taken: readonly (Encryption | undefined)[],
  change: Partial<DatabaseObservation> = {},
): DatabaseObservation => ({
  ...{ now, record, paused: false, request: undefined },
  wish: { ...wish, encryption: { wanted, first: 'plain' } },
  members: names.map((name, index) => sighting(name, { encryption: taken[index] })),
  ...change,
})

/** What a server lets in, and how whoever is at a step comes. */
const isUnderstood = (from: Encryption, by: Encryption): boolean =>
  isSpoken(from) ? by !== 'plain' : by !== 'required'

suite('the step that is taken', () => {
  test('is the next one, once all have taken the one before', () => {
    const from = (encryption: Encryption) => ({ record: { ...record, encryption } })
    for (const [wanted, way] of [
      ['required', steps],
      ['plain', steps.toReversed()],
    ] as const) {
      for (const [index, step] of way.entries()) {
        const next = way[index + 1]
        const { rule, actions } = decide(seen(wanted, [step, step, step], from(step)))
        assert.equal(rule, next === undefined ? 'steady' : 'change-encryption')
        const written = actions.map((each) => each.kind === 'record' && each.record.encryption)
        assert.deepEqual(written, next === undefined ? [] : [next])
      }
    }
  })

  test('waits for whoever has not taken the one before, or is not there', () => {
    const waits = (members: readonly MemberSighting[]): void => {
      const { rule } = decide(seen('required', [], { members }))
      assert.equal(rule, 'encryption-waits')
    }
    const all = names.map((name) => sighting(name, { encryption: 'plain' }))
    const but = (change: Partial<MemberSighting>): readonly MemberSighting[] =>
      all.map((each) => (each.member === 'c' ? { ...each, ...change } : each))
    waits(but({ encryption: undefined }))
    // It is there, and about to be brought back.
    const { rule } = decide(seen('required', [], { members: but({ upstream: undefined }) }))
    assert.equal(rule, 'rejoin')
    // One that is not there acknowledges nothing; nor does it know what the others go over to.
    const alone = { ...record, acks: [{ members: ['b'], needed: 1 }] }
    const lead = sighting('a', { encryption: 'plain', acks: alone.acks[0] })
    const two = [lead, ...all.slice(1, 2)]
    for (const members of [two, [...two, sighting('c', { heard: instant(now - 60_000) })]]) {
      assert.equal(
        decide(seen('required', [], { members, record: alone })).rule,
        'encryption-waits',
      )
    }
    // One that has left the file, and whose data may be needed yet.
    waits([...all, sighting('d', { encryption: 'offered' })])
  })

  test('waits for a server that has to be started anew, which is done one after another', () => {
    const members = names.map((name) =>
      sighting(name, { encryption: 'plain', ...(name === 'b' ? { outdated: 'ssl_ca' } : {}) }),
    )
    const { rule } = decide(seen('required', [], { members }))
    assert.equal(rule, 'restart-replica')
  })

  test('is no step where nothing else is wanted, or all are on one machine', () => {
    assert.equal(decide(seen('plain', ['plain', 'plain', 'plain'])).rule, 'steady')
    assert.equal(decide(seen('required', [], { wish })).rule, 'steady')
  })
})

test('in any order any two understand each other, and all end at what is wanted', () => {
  const keepers = fc.array(fc.nat(3), { minLength: 60, maxLength: 60 })
  const wishes = fc.array(fc.constantFrom('plain', 'required'), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(keepers, wishes, fc.constantFrom(...steps), (order, wanted, first) => {
      let known: DatabaseRecord = { ...record, encryption: first }
      const taken: Encryption[] = [first, first, first]
      const moment = (goal: 'plain' | 'required', who: number): void => {
        // One of the keepers does as the record says, or whoever decides does.
        if (who < 3) taken[who] = known.encryption ?? first
        const { actions } = decide(seen(goal, taken, { record: known }))
        if (who === 3 && actions[0]?.kind === 'record') known = actions[0].record
        for (const one of taken) {
          for (const other of taken) assert.ok(isUnderstood(one, other), taken.join())
        }
      }
      for (const goal of wanted) for (const who of order) moment(goal, who)
      const last = wanted.at(-1) ?? 'plain'
      for (let round = 0; round < 4; round += 1) for (const who of [0, 1, 2, 3]) moment(last, who)
      assert.deepEqual(taken, [last, last, last])
    }),
  )
})

test('a file asks for TLS between machines, but for servers that were taken over', () => {
  const member = (change: Partial<MemberPlan> = {}): MemberPlan => ({
    ...{ name: 'o-1', host: '10.0.0.1', port: 1, machine: 'a', adopt: undefined },
    ...change,
  })
  const adopt = { user: 'u', password: 'p' }
  const taken = { members: [member({ adopt })] }
  const ours = { members: [member()] }
  const here = { members: [member({ machine: undefined })] }
  assert.deepEqual([ours, taken, here].map(wantedEncryption), ['required', 'plain', undefined])
  assert.equal(wantedEncryption({ ...taken, tls: true }), 'required')
  assert.equal(wantedEncryption({ ...ours, tls: false }), 'plain')
  // Those taken over begin as they were, whatever is wanted; and what is written down counts.
  assert.equal(firstEncryption({ ...taken, tls: true }), 'plain')
  assert.equal(firstEncryption(ours), 'required')
  assert.equal(encryptionOf(ours, { encryption: 'offered' }), 'offered')
})
