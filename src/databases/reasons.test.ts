// What is missing is named, with the command that would supply it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { now, primary, record, replica, silent, view } from '../../test/fixtures/database-views.ts'
import { whyDatabase } from './reasons.ts'

const rule = { rule: 'wait-for-all', why: 'a member that is not heard may have data' }
const nothing = record({ phase: { kind: 'new' } })

test('names the members without which nothing begins', () => {
  const members = [primary({ heard: silent }), replica('orders-2')]
  const { now: says, remedies } = whyDatabase(view({ record: nothing, members }), now, rule)
  assert.ok(says.includes('it waits for orders-1 and orders-3'), says.join('\n'))
  assert.ok(
    remedies.some((each) => each.startsWith('bring c back')),
    remedies.join('\n'),
  )
  assert.ok(remedies.some((each) => each.includes('--accept-data-loss')))
})

test('names one that has left the file and had data', () => {
  const gone = replica('orders-9', { heard: silent })
  const members = [primary(), replica('orders-2'), replica('orders-3'), gone]
  const { now: says } = whyDatabase(view({ record: nothing, members }), now, rule)
  assert.ok(says.includes('it waits for orders-9'), says.join('\n'))
})
