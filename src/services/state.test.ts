// How the state of a service moves, wish by wish and action by action.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { deploying, now, serviceState } from '../../test/fixtures/service.ts'
import { ms } from '../foundation/time.ts'
import { afterExit, describeExit } from './restart.ts'
import { enact, forgetGone, newService, wish } from './state.ts'

suite('a wish', () => {
  test('to run begins with revision 1, as a deploy with nothing to go back to', () => {
    const state = wish(newService('web'), { kind: 'run', replicas: 3, changed: false }, now)
    assert.deepEqual(state, {
      ...{ ...newService('web'), replicas: 3, revision: 1, latest: 1 },
      deploy: { since: now },
    })
  })

  test('for another number alone is no deploy', () => {
    const state = wish(serviceState(), { kind: 'run', replicas: 5, changed: false }, now)
    assert.deepEqual(state, serviceState({ replicas: 5 }))
  })

  test('for another template is a revision that was never used before', () => {
    const before = serviceState({ latest: 4 })
    const state = wish(before, { kind: 'run', replicas: 3, changed: true }, now)
    assert.equal(state.revision, 5)
    assert.equal(state.latest, 5)
    assert.equal(state.stable, 1, 'what was well stays known')
  })

  test('to deploy forgets the roll-back before it', () => {
    const rolledBack = { revision: 2, at: now, why: 'it ended' }
    const state = wish(serviceState({ latest: 2, rolledBack }), { kind: 'deploy' }, now)
    assert.equal(state.revision, 3)
    assert.equal(state.rolledBack, undefined)
    assert.deepEqual(state.deploy, { since: now })
  })

  test('to replace names each replica once', () => {
    const once = wish(serviceState(), { kind: 'replace', replicas: ['web-1', 'web-2'] }, now)
    const twice = wish(once, { kind: 'replace', replicas: ['web-2', 'web-3'] }, now)
    assert.deepEqual(twice.replace, ['web-1', 'web-2', 'web-3'])
  })

  test('for none is remembered until the last replica is gone', () => {
    const state = wish(serviceState(), { kind: 'run', replicas: 0, changed: false }, now)
    assert.equal(state.replicas, 0)
    assert.equal(state.revision, 1)
  })
})

suite('an action', () => {
  test('to drain is remembered with its instant; to start or stop is seen, not assumed', () => {
    const drained = enact(serviceState(), { kind: 'drain', replica: 'web-3' }, now)
    assert.deepEqual(drained.draining, { 'web-3': now })
    assert.equal(enact(drained, { kind: 'stop', replica: 'web-3' }, now), drained)
    assert.equal(enact(drained, { kind: 'start', replica: 'web-4', revision: 1 }, now), drained)
  })

  test('to roll back ends the deploy and tells why', () => {
    const state = enact(deploying(), { kind: 'roll-back', to: 1, why: 'it ended' }, now)
    assert.equal(state.revision, 1)
    assert.equal(state.latest, 2, 'its number is not used again')
    assert.equal(state.deploy, undefined)
    assert.deepEqual(state.rolledBack, { revision: 2, at: now, why: 'it ended' })
  })

  test('to settle ends the deploy with a revision to go back to', () => {
    const state = enact(deploying(), { kind: 'settle', revision: 2 }, now)
    assert.equal(state.stable, 2)
    assert.equal(state.deploy, undefined)
  })
})

test('what is remembered of a replica goes with it, and only then is the state another', () => {
  const state = serviceState({ draining: { a: now, b: now }, replace: ['b', 'c'] })
  assert.equal(forgetGone(state, new Set(['a', 'b', 'c'])), state)
  const left = forgetGone(state, new Set(['a', 'c']))
  assert.deepEqual(left.draining, { a: now })
  assert.deepEqual(left.replace, ['c'])
})

suite('after an exit', () => {
  const policy = {
    backoff: { first: ms(100), factor: 2, most: ms(1000), jitter: 0 },
    wellAfter: ms(10_000),
    loopAfter: 3,
  }
  const ran = (milliseconds: number, failures: number) => ({
    exit: { kind: 'code', code: 1 } as const,
    startedAt: now,
    endedAt: (now + milliseconds) as typeof now,
    failures,
  })

  test('a process is started again, the later the oftener it ended', () => {
    const waits = [0, 1, 2, 3, 4, 5].map((failures) => {
      const { state } = afterExit(ran(50, failures), policy, 0)
      return 'until' in state ? state.until - now - 50 : undefined
    })
    assert.deepEqual(waits, [100, 200, 400, 800, 1000, 1000])
  })

  test('too many exits in a row are a crash loop, and it is still tried', () => {
    const kinds = [0, 1, 2, 3].map((failures) => afterExit(ran(50, failures), policy, 0).state.kind)
    assert.deepEqual(kinds, ['waiting', 'waiting', 'crash-looping', 'crash-looping'])
  })

  test('a process that ran long was well: its exits before are forgotten', () => {
    const { failures, state } = afterExit(ran(10_000, 9), policy, 0)
    assert.equal(failures, 1)
    assert.equal(state.kind, 'waiting')
  })

  test('how it ended is said in words', () => {
    assert.equal(describeExit({ kind: 'code', code: 1 }), 'exit code 1')
    assert.equal(describeExit({ kind: 'signal', signal: 'SIGKILL' }), 'SIGKILL')
    const unstartable = { kind: 'unstartable', reason: 'no such file' } as const
    assert.equal(describeExit(unstartable), 'cannot start: no such file')
  })
})
