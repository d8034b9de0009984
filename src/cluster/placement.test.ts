// Placement is even, stable, and moves no more than it must, whatever machines come and go.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../test/fixtures/properties.ts'
import type { PlacedService, Shares } from './model.ts'
import { placeAll, type Seat } from './placement.ts'

const seat = (name: string, more: Partial<Seat> = {}): Seat => ({
  ...{ name, zone: undefined, capacity: 1, keepsOnly: false },
  ...more,
})
const service = (name: string, replicas: number, on?: readonly string[]): PlacedService => ({
  ...{ name, replicas, on },
})
const abc = ['a', 'b', 'c'].map((name) => seat(name))

test('spreads replicas over machines', () => {
  assert.deepEqual(placeAll([service('web', 3)], abc, {}), { web: { a: 1, b: 1, c: 1 } })
  assert.deepEqual(placeAll([service('web', 5)], abc, {}), { web: { a: 2, b: 2, c: 1 } })
})

test('spreads over zones before machines', () => {
  const seats = [seat('a', { zone: 'east' }), seat('b', { zone: 'east' }), seat('c')]
  assert.deepEqual(placeAll([service('web', 4)], seats, {}), { web: { a: 1, b: 1, c: 2 } })
})

test('spreads single replicas of several services over machines', () => {
  const services = ['x', 'y', 'z'].map((name) => service(name, 1))
  assert.deepEqual(placeAll(services, abc, {}), { x: { a: 1 }, y: { b: 1 }, z: { c: 1 } })
})

test('gives a machine of twice the capacity twice the replicas', () => {
  const seats = [seat('a', { capacity: 2 }), seat('b')].map((one) => ({ ...one, zone: 'east' }))
  assert.deepEqual(placeAll([service('web', 6)], seats, {}), { web: { a: 4, b: 2 } })
})

test('honours on:, and leaves a service that may run nowhere where it is', () => {
  const services = [service('web', 2, ['c']), service('db', 2, ['gone'])]
  const current = { db: { a: 1, b: 1 } }
  assert.deepEqual(placeAll(services, abc, current), { web: { c: 2 }, db: { a: 1, b: 1 } })
})

test('moves only what a lost machine ran, and takes back only its part', () => {
  const before = { web: { a: 1, b: 1, c: 1 } }
  const without = placeAll([service('web', 3)], abc.slice(0, 2), before)
  assert.deepEqual(without, { web: { a: 2, b: 1 } })
  assert.deepEqual(placeAll([service('web', 3)], abc, without), { web: { a: 1, b: 1, c: 1 } })
})

test('gives nothing new to a machine whose agent is away, and takes nothing from it', () => {
  const seats = [seat('a'), seat('b', { keepsOnly: true })]
  assert.deepEqual(placeAll([service('web', 4)], seats, { web: { a: 1, b: 1 } }), {
    web: { a: 3, b: 1 },
  })
})

const names = ['a', 'b', 'c', 'd', 'e']
const seats = fc
  .uniqueArray(fc.constantFrom(...names), { minLength: 1 })
  .chain((chosen) =>
    fc.tuple(
      ...chosen.map((name) =>
        fc
          .record({ zone: fc.constantFrom(undefined, 'x', 'y'), keeps: fc.integer({ max: 9 }) })
          .map(({ zone, keeps }) => seat(name, { zone, keepsOnly: keeps === 9 })),
      ),
    ),
  )
const services = fc
  .tuple(...['p', 'q', 'r'].map((name) => fc.nat(7).map((count) => service(name, count))))
  .map((all) => all as readonly PlacedService[])
const shares: fc.Arbitrary<Shares> = fc.dictionary(
  fc.constantFrom('p', 'q', 'r'),
  fc.dictionary(fc.constantFrom(...names), fc.integer({ min: 1, max: 5 })),
)
const sum = (share: Readonly<Record<string, number>> = {}): number =>
  Object.values(share).reduce((total, count) => total + count, 0)

test('places exactly as many as are wanted, on seats alone, and rests once it has', () => {
  fc.assert(
    fc.property(services, seats, shares, (wanted, there, before) => {
      const after = placeAll(wanted, there, before)
      const allowed = new Set(there.map(({ name }) => name))
      const open = there.some(({ keepsOnly }) => !keepsOnly)
      for (const { name, replicas } of wanted) {
        const share = after[name] ?? {}
        assert.ok(Object.keys(share).every((machine) => allowed.has(machine)))
        if (open) assert.equal(sum(share), replicas)
        else assert.ok(sum(share) <= replicas)
      }
      assert.deepEqual(placeAll(wanted, there, after), after)
    }),
    { numRuns: 2000 },
  )
})

test('leaves zones and the machines of a zone even, and adds nothing where it may not', () => {
  fc.assert(
    fc.property(services, seats, shares, (wanted, there, before) => {
      const after = placeAll(wanted, there, before)
      const zone = (one: Seat): string => one.zone ?? one.name
      const open = there.filter(({ keepsOnly }) => !keepsOnly)
      for (const { name } of wanted) {
        const count = (one: Seat): number => after[name]?.[one.name] ?? 0
        const inZone = (wish: string): number =>
          there.filter((one) => zone(one) === wish).reduce((all, one) => all + count(one), 0)
        for (const from of open.filter((one) => count(one) > 0)) {
          for (const to of open) {
            assert.ok(inZone(zone(from)) <= inZone(zone(to)) + 1, `zones of ${name}`)
            if (zone(to) === zone(from)) assert.ok(count(from) <= count(to) + 1, `seats of ${name}`)
          }
        }
        for (const one of there.filter(({ keepsOnly }) => keepsOnly)) {
          assert.ok(count(one) <= (before[name]?.[one.name] ?? 0))
        }
      }
    }),
    { numRuns: 2000 },
  )
})

test('moves nothing of machines that stay when one is lost', () => {
  fc.assert(
    fc.property(services, fc.integer({ min: 2, max: 5 }), (wanted, count) => {
      const there = names.slice(0, count).map((name) => seat(name))
      const before = placeAll(wanted, there, {})
      const after = placeAll(wanted, there.slice(1), before)
      for (const { name } of wanted) {
        for (const { name: machine } of there.slice(1)) {
          assert.ok((after[name]?.[machine] ?? 0) >= (before[name]?.[machine] ?? 0))
        }
      }
    }),
  )
})
