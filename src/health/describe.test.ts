// What health says to people, word by word.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant, ms } from '../foundation/time.ts'
import { describeChange, describeCheck, describeHealth, describeSighting } from './describe.ts'
import { unknownHealth } from './judge.ts'
import type { Check, Sighting } from './model.ts'

const at = instant(0)
const refused: Sighting = { kind: 'failed', at, took: ms(2), reason: 'connection refused' }
const timing = { every: ms(1000), fast: ms(250), timeout: ms(1000), rise: 1, fall: 3 }

test('says what a probe found', () => {
  assert.equal(describeSighting({ kind: 'passed', at, took: ms(3) }), 'passed in 3ms')
  assert.equal(describeSighting(refused), 'failed after 2ms: connection refused')
  const unasked = { kind: 'unasked', at, took: ms(0), reason: 'this machine has no free port left' }
  assert.equal(
    describeSighting(unasked as Sighting),
    'could not be asked: this machine has no free port left',
  )
})

test('says what a check asks', () => {
  const http: Check = {
    ...{ kind: 'http', method: 'GET', path: '/health', host: undefined, expect: [[200, 399]] },
    ...timing,
  }
  const rest = 'every 1s, up after 1 pass, down after 3 failures, each within 1s'
  assert.equal(describeCheck(http), `GET /health ${rest}`)
  assert.equal(describeCheck({ kind: 'tcp', ...timing }), `TCP connect ${rest}`)
  assert.equal(describeCheck({ kind: 'none' }), 'no check')
})

test('says what is known of a server', () => {
  const unknown = unknownHealth(at)
  assert.equal(describeHealth(unknown), 'unknown')
  assert.equal(
    describeHealth({ ...unknown, verdict: 'down', failures: 3, last: refused }),
    'down, 3 failures in a row: connection refused',
  )
  assert.equal(
    describeHealth({ ...unknown, verdict: 'up', passes: 1, suspectedAt: at }),
    'up, 1 pass, doubted by traffic',
  )
})

test('says a change of verdict', () => {
  const change = { server: 'web-2', from: 'up', to: 'down', rule: 'fallen', why: '' } as const
  assert.equal(describeChange(change), 'web-2 is down')
  assert.equal(describeChange({ ...change, to: 'unknown' }), 'web-2 is not known yet')
})
