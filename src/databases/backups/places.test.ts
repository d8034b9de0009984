// One machine makes the backups, also while nobody hears who that is.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { now, primary, replica, silent, view } from '../../../test/fixtures/database-views.ts'
import { makesBackups } from './places.ts'

const machines = ['a', 'b', 'c']

/** Who makes them, of machines that all have made them so far, or none. */
const makers = (seen: Parameters<typeof makesBackups>[0], soFar: boolean): string =>
  machines.filter((machine) => makesBackups(seen, machine, now, soFar)).join('')

const [first, second] = [primary(), replica('orders-2')]

test('the machine of the first member that is heard makes them', () => {
  for (const soFar of [true, false]) {
    assert.equal(makers(view(), soFar), 'a')
    const without = view({ members: [{ ...first, heard: silent }, second] })
    assert.equal(makers(without, soFar), 'b')
  }
})

test('where nobody is heard no machine begins, and the one that made them goes on', () => {
  const members = [first, second].map((each) => ({ ...each, heard: silent }))
  for (const seen of [view({ members }), view({ members: [] })]) {
    assert.equal(makers(seen, false), '')
    assert.equal(makers(seen, true), 'abc')
  }
})

test('what a board shows that is not in view makes nobody begin, and nobody stop', () => {
  assert.equal(makers(view({ connected: false }), false), '')
  assert.equal(makers(view({ connected: false }), true), 'abc')
})

test('a machine that is alone makes them whatever it hears', () => {
  assert.ok(makesBackups(view({ members: [] }), undefined, now, false))
})
