// The promises of leading: one at a time, epochs that only rise, and no write of a leader that was.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Coordinator } from '../../src/coordination/coordinator.ts'
import { whyNot } from '../../src/coordination/coordinator.ts'
import type { Leadership, RolePolicy } from '../../src/coordination/model.ts'
import { whileLeading } from '../../src/coordination/recipes/leadership.ts'
import { below, seededRandom } from '../../src/foundation/random.ts'
import { ms, openClock } from '../../src/foundation/time.ts'
import { until } from '../engines/waiting.ts'
import type { FaultyNetwork, PortScene, PortTest } from './port-scene.ts'

const clock = openClock()
const parts = { clock, newId: randomUUID }
const never = new AbortController().signal
const lease = ms(5000)
/** Longer than the sessions of those who are cut off: that alone must not make two leaders. */
const longLease = ms(1600)

/** Leads until told to stop, or the role is lost; what happened, as it happens. */
function standing(
  coordinator: Coordinator,
  id: string,
  length = lease,
  more: Pick<RolePolicy, 'silence' | 'every'> = {},
) {
  const stop = new AbortController()
  const begun = Promise.withResolvers<Leadership>()
  const policy = { path: '/role', id, lease: length, ...more }
  const ended = whileLeading(coordinator, policy, parts, stop.signal, async (role, signal) => {
    begun.resolve(role)
    await until('it is over', () => signal.aborted)
    return signal.reason as unknown
  }).catch((thrown: unknown) => thrown)
  return { begun: begun.promise, ended, stop: () => stop.abort(new Error('told to stop')) }
}

const candidates = (scene: PortScene, count: number) =>
  Promise.all(Array.from({ length: count }, () => scene.coordinate()))

export function leadershipPromises(test: PortTest): void {
  test('is led by one, and by the next at once when that one stops', async (scene) => {
    const [a, b] = await candidates(scene, 2)
    // Should anybody wait for this lease, the test would not live to see it.
    const first = standing(a!, 'a', ms(600_000))
    const one = await first.begun
    assert.deepEqual([one.epoch, one.before], [1, undefined])
    const second = standing(b!, 'b')
    await one.write([{ kind: 'create', path: '/by-a' }])
    assert.equal(await b!.read('/role/lock').then((node) => node?.owner), a!.session)
    first.stop()
    await first.ended
    let begun = false
    void second.begun.then(() => {
      begun = true
    })
    await until('the second leads', () => begun)
    const two = await second.begun
    assert.deepEqual([two.epoch, two.before], [2, { id: 'a', epoch: 1 }])
    await assert.rejects(one.write([{ kind: 'create', path: '/late' }]), /given back/)
    await assert.rejects(b!.write([one.guard]), (e) => whyNot(e) === 'version')
    second.stop()
    await second.ended
    await b!.sync()
    assert.equal(await b!.read('/role/lock'), undefined)
  })

  for (const [name, length] of [
    ['is lost by whoever cannot renew, before anybody else may act', 4000],
    ['is not taken before its lease is over, though its session is', 8000],
  ] as const) {
    test(name, async (scene) => {
      const timeout = ms(scene.timeoutLeast * 5)
      const { coordinator, network } = await scene.coordinateFaulty(timeout)
      const [b] = await candidates(scene, 1)
      const first = standing(coordinator, 'a', ms(length))
      const one = await first.begun
      const second = standing(b!, 'b')
      const renewed = one.validUntil()
      await until('it has renewed', () => one.validUntil() > renewed)
      network.silence(true)
      const lost = Promise.withResolvers<number>()
      one.lost.addEventListener('abort', () => lost.resolve(clock.now()))
      const two = await second.begun
      const began = clock.now()
      assert.ok(one.lost.aborted && (await lost.promise) <= began, 'the first knows before')
      assert.ok(one.validUntil() < began, 'the lease of the first is over')
      assert.deepEqual(two.before, { id: 'a', epoch: one.epoch })
      assert.match(String(await first.ended), /not renewed in time|cannot go on/)
      await assert.rejects(b!.write([one.guard]), (e) => whyNot(e) === 'version')
      second.stop()
      await second.ended
    })
  }

  test('refuses the writes of a leader that was deposed and has not noticed', async (scene) => {
    const [a, b] = await candidates(scene, 2)
    const first = standing(a!, 'a')
    const one = await first.begun
    // Somebody takes the lock away by hand: the first learns of it only by its next write.
    const second = standing(b!, 'b')
    await b!.write([{ kind: 'delete', path: '/role/lock' }])
    const two = await second.begun
    assert.equal(two.epoch, one.epoch + 1)
    await assert.rejects(one.write([{ kind: 'create', path: '/stale' }]))
    assert.ok(one.lost.aborted)
    await two.write([{ kind: 'create', path: '/fresh' }])
    assert.equal(await b!.read('/stale'), undefined)
    await first.ended
    assert.equal((await b!.read('/role/lock'))?.owner, b!.session, 'it gives back only its own')
    second.stop()
    await second.ended
  })

  test('is taken from whoever falls silent, long before its session is over', async (scene) => {
    const heard = { silence: ms(1500), every: ms(60) }
    const { coordinator, network } = await scene.coordinateFaulty(ms(10_000))
    const [b, c] = await candidates(scene, 2)
    const first = standing(coordinator, 'a', ms(60_000), heard)
    const one = await first.begun
    const next = [standing(b!, 'b', ms(60_000), heard), standing(c!, 'c', ms(60_000), heard)]
    const renewed = one.validUntil()
    await until('it has renewed', () => one.validUntil() > renewed)
    network.silence(true)
    const two = await Promise.race(next.map(({ begun }) => begun))
    assert.deepEqual([two.epoch, two.before], [2, { id: 'a', epoch: 1 }])
    assert.ok(!one.lost.aborted, 'the first cannot know')
    network.silence(false)
    await assert.rejects(one.write([{ kind: 'create', path: '/stale' }]))
    await first.ended
    await b!.sync()
    assert.equal(await b!.read('/stale'), undefined)
    for (const each of next) each.stop()
    await Promise.all(next.map(({ ended }) => ended))
  })

  test('leaves no lock behind when standing is given up', async (scene) => {
    const [a, b] = await candidates(scene, 2)
    const first = standing(a!, 'a')
    await first.begun
    const waiting = standing(b!, 'b')
    waiting.stop()
    assert.match(String(await waiting.ended), /told to stop/)
    first.stop()
    await first.ended
    for (let turn = 0; turn < 20; turn += 1) {
      const hasty = standing(b!, 'b')
      setImmediate(hasty.stop)
      await hasty.ended
      await b!.sync()
      assert.equal(await b!.read('/role/lock'), undefined, `turn ${turn}`)
    }
    const last = standing(a!, 'a')
    await last.begun
    last.stop()
    await last.ended
  })

  test('never has two leaders, whatever is cut, silenced and healed', async (scene) => {
    const random = seededRandom(7, scene.name)
    const timeout = ms(scene.timeoutLeast)
    const stop = new AbortController()
    const terms: { epoch: number; from: number; to: number }[] = []
    const networks: FaultyNetwork[] = []
    const candidate = async (id: string, slot: number): Promise<void> => {
      while (!stop.signal.aborted) {
        const { coordinator, network } = await scene.coordinateFaulty(timeout)
        networks[slot] = network
        try {
          const policy = { path: '/role', id, lease: longLease }
          await whileLeading(coordinator, policy, parts, stop.signal, (role, signal) =>
            actUntilLost(role, signal),
          )
        } catch (thrown) {
          if (!stop.signal.aborted && !coordinator.over.aborted && isSurprise(thrown)) throw thrown
        } finally {
          network.silence(false)
          await coordinator[Symbol.asyncDispose]()
        }
      }
    }
    const actUntilLost = async (role: Leadership, signal: AbortSignal): Promise<void> => {
      const term = { epoch: role.epoch, from: clock.now() as number, to: 0 }
      terms.push(term)
      const stays = random.next() < 0.5
      const tired = stays ? Number.POSITIVE_INFINITY : clock.now() + below(random, 300)
      const acted = (): void => {
        term.to = Math.min(clock.now(), role.validUntil())
      }
      signal.addEventListener('abort', acted)
      while (!signal.aborted && clock.now() < tired) {
        await role.write([{ kind: 'set', path: '/work', data: `${role.epoch}` }]).catch(() => {})
      }
      if (!signal.aborted) acted()
      signal.removeEventListener('abort', acted)
    }
    const keeper = await scene.coordinate()
    await keeper.write([{ kind: 'create', path: '/work', data: '0' }])
    const all = ['a', 'b', 'c'].map((id, slot) => candidate(id, slot))
    const [least, most] = [clock.now() + 6000, clock.now() + 60_000]
    while (clock.now() < least || (terms.length < 5 && clock.now() < most)) {
      const victim = networks[below(random, networks.length)]
      const harm = random.next()
      if (harm < 0.3) victim?.cut()
      else if (harm < 0.36) victim?.silence(true)
      const pause = clock.now() + 20 + below(random, 120)
      await until('a moment has passed', () => clock.now() > pause)
    }
    for (const network of networks) network.silence(false)
    stop.abort(new Error('enough'))
    await Promise.all(all)
    assert.ok(terms.length >= 5, `only ${terms.length} terms`)
    const inOrder = terms.toSorted((one, other) => one.from - other.from)
    for (const [at, term] of inOrder.entries()) {
      const before = inOrder[at - 1]
      if (before === undefined) continue
      assert.ok(before.epoch < term.epoch, 'epochs rise')
      assert.ok(before.to <= term.from, `epoch ${before.epoch} acts while ${term.epoch} does`)
    }
  })

  test('keeps every epoch higher than all before, and writes of each together', async (scene) => {
    const [a, b, reader] = await candidates(scene, 3)
    const seen: number[] = []
    await using _ = await reader!.watch('/', true, () => {})
    for (const [turn, one] of [a!, b!, a!, b!].entries()) {
      const term = standing(one, `t-${turn}`)
      const role = await term.begun
      seen.push(role.epoch)
      await role.write([{ kind: 'create', path: `/turn-${turn}`, data: `${role.epoch}` }], never)
      term.stop()
      await term.ended
    }
    assert.deepEqual(seen, [1, 2, 3, 4])
  })
}

/** Whether a term ended by something else than losing the role, the session or a connection. */
const isSurprise = (thrown: unknown): boolean =>
  whyNot(thrown) === undefined && !/not renewed|taken over|given back/.test(String(thrown))
