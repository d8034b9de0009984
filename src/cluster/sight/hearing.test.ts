// Who hears whom becomes known to all who hear anybody, one way cuts included; and clocks are
// compared by what is said both ways.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { type Beacon, beaconCodec, bytesMost } from './beacon.ts'
import { Ears, silentAfter, skewOf } from './hearing.ts'

const names = ['a', 'b', 'c']

/** Machines that tell each other every 500 ms what passes; clocks show what they like. */
function talk(passes: (from: string, to: string) => boolean, seconds = 3, ahead = [0, 0, 0]) {
  const ears = new Map(names.map((name) => [name, new Ears(name)]))
  const wall = (name: string, now: number) => now + ahead[names.indexOf(name)]!
  let now = 0
  for (; now < seconds * 1000; now += 500) {
    for (const from of names) {
      for (const to of names.filter((name) => name !== from)) {
        const beacon = ears.get(from)!.speak(to, 'life', wall(from, now), now)
        if (passes(from, to)) ears.get(to)!.hear(beacon, wall(to, now + 2), now + 2)
      }
    }
  }
  return { ears, now }
}

const shown = (ears: Ears, now: number): readonly string[] =>
  [...ears.rows(now)].map(([name, { hears }]) => `${name}: ${hears.join(' ')}`).toSorted()

test('tells everybody that all hear all', () => {
  const { ears, now } = talk(() => true)
  for (const name of names) {
    assert.deepEqual(shown(ears.get(name)!, now), ['a: b c', 'b: a c', 'c: a b'])
  }
})

test('shows a cut in one direction as one', () => {
  const { ears, now } = talk((from, to) => !(from === 'a' && to === 'b'))
  for (const name of names) {
    assert.deepEqual(shown(ears.get(name)!, now), ['a: b c', 'b: c', 'c: a b'])
  }
})

test('knows what it is told by others of machines that it does not hear', () => {
  const { ears, now } = talk((from, to) => ![from, to].includes('a') || [from, to].includes('c'))
  assert.deepEqual(shown(ears.get('a')!, now), ['a: c', 'b: c', 'c: a b'])
})

test('forgets whom it has not heard for long enough', () => {
  const { ears, now } = talk(() => true)
  assert.deepEqual(ears.get('a')!.hears(now + silentAfter - 600), ['b', 'c'])
  assert.deepEqual(ears.get('a')!.hears(now + silentAfter), [])
})

test('compares clocks, whatever they show', () => {
  const { ears, now } = talk(() => true, 3, [0, 90_000, -700])
  const { skew, doubt } = ears.get('a')!.sighting('b', now)
  assert.ok(Math.abs(skew! - 90_000) <= doubt!, `${skew} ± ${doubt}`)
  assert.ok(Math.abs(ears.get('b')!.sighting('c', now).skew! - -90_700) <= 500)
})

test('is wrong about a clock by no more than it says, however slow the two ways are', () => {
  const way = fc.integer({ min: 0, max: 5000 })
  fc.assert(
    fc.property(fc.integer({ min: -1e9, max: 1e9 }), way, way, way, (ahead, there, rest, back) => {
      const echo = { sent: 1000, got: 1000 + there + ahead }
      const at = echo.got + rest
      const came = 1000 + there + rest + back
      const { skew, doubt } = skewOf(echo, at, came)
      assert.ok(Math.abs(skew - ahead) <= doubt + 1e-6)
    }),
  )
})

test('does not listen to what is repeated, of an older life, or for somebody else', () => {
  const ears = new Ears('b')
  const said = (more: Partial<Beacon>): Beacon => ({
    ...{ from: 'a', to: 'b', life: 'one', number: 5, at: 1000, echo: undefined, rows: {} },
    ...more,
  })
  ears.hear(said({}), 0, 0)
  for (const old of [{}, { number: 4 }, { life: 'zero', at: 900 }, { to: 'c', number: 9 }]) {
    ears.hear(said(old), 1500, 1500)
    assert.equal(ears.sighting('a', 1500).age, 1500)
  }
  ears.hear(said({ life: 'two', number: 1, at: 1001 }), 5000, 5000)
  assert.equal(ears.sighting('a', 5000).age, 0)
  ears.hear(said({ number: 6, at: 9000 }), 9000, 9000)
  assert.equal(ears.sighting('a', 9000).age, 4000)
})

test('hears a machine again that came back with its clock set back', () => {
  const ears = new Ears('b')
  const said = (life: string, at: number): Beacon => ({
    ...{ from: 'a', to: 'b', life, number: 1, at, echo: undefined, rows: {} },
  })
  ears.hear(said('one', 3_600_000), 0, 0)
  ears.hear(said('two', 5000), silentAfter, silentAfter)
  assert.equal(ears.sighting('a', silentAfter).age, 0)
  ears.hear(said('one', 3_600_500), 9000, 9000)
  assert.equal(ears.sighting('a', 9000).age, 9000 - silentAfter)
})

test('reads only what was signed with the secret, and survives any other bytes', () => {
  const [ours, theirs] = [beaconCodec('one'), beaconCodec('two')]
  const beacon = new Ears('a').speak('b', 'life', 1, 1)
  assert.equal(JSON.stringify(ours.parse(ours.format(beacon))), JSON.stringify(beacon))
  assert.equal(theirs.parse(ours.format(beacon)), undefined)
  const changed = ours.format(beacon)
  changed[40]! ^= 1
  assert.equal(ours.parse(changed), undefined)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: bytesMost + 50 }), (bytes) => {
      assert.equal(ours.parse(bytes), undefined)
    }),
  )
})
