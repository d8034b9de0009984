// What the checkers must see: a member of MariaDB that comes back by the wrong role. The others are
// `npm run bench:failover -- --control`.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { tailAfter } from '../../bench/failover/role.ts'
import { isAcknowledgedKept } from '../../src/drills/checkers/acknowledged.ts'

suite('a primary of MariaDB that crashed with a row that nobody acknowledged', () => {
  test('has it no more when another was elected', async () => {
    assert.ok(isAcknowledgedKept(await tailAfter('right')))
  })

  test('has it for ever when it is started by the wrong role, and that is seen', async () => {
    const verdict = await tailAfter('wrong')
    assert.deepEqual(verdict.unexpected, [21])
    assert.deepEqual(verdict.lost, [])
  })
})
