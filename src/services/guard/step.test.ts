// What a guard does about what happens: a table by hand, and the laws of every life.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { type Instant, instant, ms } from '../../foundation/time.ts'
import type { Exit } from '../model.ts'
import {
  newSupervision,
  type Supervision,
  type SupervisionEffect,
  type SupervisionEvent,
  type SupervisionPolicy,
  step,
} from './step.ts'

const policy: SupervisionPolicy = {
  restart: {
    backoff: { first: ms(100), factor: 2, most: ms(1000), jitter: 0 },
    wellAfter: ms(10_000),
    loopAfter: 3,
  },
  stopSignal: 'SIGTERM',
  stopWithin: ms(5000),
}
const failed = { kind: 'code', code: 1 } as const satisfies Exit

/** A life that is driven by hand. */
class Life {
  now: Instant = instant(1_000_000)
  state: Supervision = newSupervision(this.now)
  effects: readonly SupervisionEffect[] = []

  feed(event: SupervisionEvent): this {
    const [state, ...effects] = step(this.state, event, policy, { now: this.now, chance: 0 })
    this.state = state
    this.effects = effects
    return this
  }

  pass(wait: number): this {
    this.now = instant(this.now + wait)
    return this
  }

  running(): this {
    return this.feed({ kind: 'began' }).feed({ kind: 'spawned', pid: 7 })
  }

  kinds(): readonly string[] {
    return this.effects.map((e) => (e.kind === 'tell' ? e.rule : e.kind))
  }
}

const ended = (exit: Exit = failed, leftovers = false): SupervisionEvent => ({
  kind: 'ended',
  exit,
  leftovers,
})
const woken = (leftovers = false): SupervisionEvent => ({ kind: 'woken', leftovers })
const stop = (within = 5000): SupervisionEvent => ({ kind: 'told-to-stop', within: ms(within) })

suite('a guard', () => {
  test('starts its replica and tells when it runs', () => {
    const life = new Life().feed({ kind: 'began' })
    assert.deepEqual(life.kinds(), ['spawn'])
    life.feed({ kind: 'spawned', pid: 7 })
    assert.deepEqual(life.kinds(), ['replica-started'])
    assert.deepEqual(life.state.process, { kind: 'running', pid: 7, since: life.now })
  })

  test('waits longer after each exit, and starts again when the wait is over', () => {
    const life = new Life().running()
    for (const wait of [100, 200, 400, 800, 1000, 1000]) {
      life.pass(50).feed(ended())
      assert.deepEqual(life.effects.at(-1), { kind: 'wake', wait })
      assert.deepEqual(life.feed(woken()).kinds(), ['wake'], 'woken too early, it waits on')
      assert.deepEqual(life.pass(wait).feed(woken()).kinds(), ['spawn'])
      life.feed({ kind: 'spawned', pid: 8 })
    }
    assert.equal(life.state.restarts, 6)
  })

  test('tells of a crash loop once, at the exit that makes it one', () => {
    const life = new Life().running()
    const told: string[] = []
    for (let turn = 0; turn < 6; turn += 1) {
      told.push(
        ...life
          .feed(ended())
          .kinds()
          .filter((kind) => kind !== 'wake'),
      )
      life.pass(1000).feed(woken()).feed({ kind: 'spawned', pid: 8 })
    }
    const exits = Array.from({ length: 3 }, () => 'replica-exited')
    assert.deepEqual(told, ['replica-exited', 'replica-exited', 'crash-loop', ...exits])
  })

  test('forgets earlier exits after a long run', () => {
    const life = new Life().running().feed(ended())
    life.pass(100).feed(woken()).feed({ kind: 'spawned', pid: 8 })
    life.pass(10_000).feed(ended())
    assert.equal(life.state.failures, 1)
  })

  test('says why a run could not be started', () => {
    const life = new Life().feed({ kind: 'began' })
    life.feed(ended({ kind: 'unstartable', reason: 'there is no program nodde' }))
    assert.deepEqual(life.kinds(), ['replica-unstartable', 'wake'])
    const [told] = life.effects
    assert.ok(told?.kind === 'tell')
    assert.match(told.why, /no program nodde; it is tried again in 100ms/)
  })

  test('lets what a crashed leader left behind finish, and kills it before the next run', () => {
    const life = new Life().running().feed(ended(failed, true))
    assert.deepEqual(life.kinds(), ['replica-exited', 'signal', 'wake'])
    life.pass(100).feed(woken(true))
    assert.deepEqual(life.kinds(), ['kill', 'wake'])
    assert.equal(life.state.process.kind, 'waiting')
    assert.deepEqual(life.pass(25).feed(woken()).kinds(), ['spawn'])
  })

  test('ends on the stop signal, and is finished when the replica is', () => {
    const life = new Life().running().feed(stop())
    assert.deepEqual(life.effects, [
      { kind: 'signal', signal: 'SIGTERM' },
      { kind: 'signal', signal: 'SIGCONT' },
      { kind: 'wake', wait: 5000 },
    ])
    assert.deepEqual(life.feed(ended()).kinds(), ['replica-stopped', 'finish'])
    assert.equal(life.state.process.kind, 'stopped')
  })

  test('kills what does not end in time, and tells that once', () => {
    const life = new Life().running().feed(stop()).pass(5000).feed(woken())
    assert.deepEqual(life.kinds(), ['replica-killed', 'kill', 'wake'])
    assert.deepEqual(life.pass(25).feed(woken()).kinds(), ['kill', 'wake'])
    assert.deepEqual(life.feed(ended()).kinds(), ['replica-stopped', 'finish'])
  })

  test('gives what a leader left behind the rest of the time to end', () => {
    const life = new Life().running().feed(stop()).feed(ended(failed, true))
    assert.deepEqual(life.kinds(), ['replica-stopped', 'wake'])
    assert.deepEqual(life.pass(25).feed(woken(true)).kinds(), ['wake'])
    assert.deepEqual(life.pass(5000).feed(woken(true)).kinds(), ['replica-killed', 'kill', 'wake'])
    assert.deepEqual(life.feed(woken()).kinds(), ['finish'])
  })

  test('lets a second order shorten its patience, never lengthen it', () => {
    const life = new Life().running().feed(stop(5000))
    assert.deepEqual(life.feed(stop(9000)).kinds(), [])
    assert.deepEqual(life.feed(stop(10)).effects, [{ kind: 'wake', wait: 10 }])
    assert.deepEqual(life.pass(10).feed(woken()).kinds(), ['replica-killed', 'kill', 'wake'])
  })

  test('stops at once while it waits for the next try', () => {
    const life = new Life().running().feed(ended()).feed(stop())
    assert.deepEqual(life.effects, [{ kind: 'wake', wait: 0 }])
    assert.deepEqual(life.feed(woken()).kinds(), ['finish'])
  })
})

/** What may happen in a life, as a made-up machine answers the effects. */
type Chance =
  | { readonly kind: 'crash'; readonly leftovers: boolean }
  | { readonly kind: 'unstartable' }
  | { readonly kind: 'time'; readonly wait: number }
  | { readonly kind: 'stop'; readonly within: number }

const chance: fc.Arbitrary<Chance> = fc.oneof(
  fc.record({ kind: fc.constant('crash' as const), leftovers: fc.boolean() }),
  fc.record({ kind: fc.constant('unstartable' as const) }),
  fc.record({ kind: fc.constant('time' as const), wait: fc.integer({ min: 1, max: 20_000 }) }),
  fc.record({ kind: fc.constant('stop' as const), within: fc.integer({ min: 0, max: 6000 }) }),
)

/** A machine in which the leader obeys nothing but SIGKILL, and time passes only when told. */
class World {
  readonly life = new Life()
  leader = false
  leftovers = false
  nextFails = false
  wakeAt: number | undefined
  finished = 0
  pid = 100
  readonly #coming: SupervisionEvent[] = []

  /** What effects bring about is told after them, as a machine tells it. */
  feed(event: SupervisionEvent): void {
    this.#coming.push(event)
    if (this.#coming.length > 1) return
    for (let next = this.#coming[0]; next !== undefined; next = this.#coming[0]) {
      this.life.feed(next)
      for (const effect of this.life.effects) this.#enact(effect)
      this.#coming.shift()
    }
  }

  #enact(effect: SupervisionEffect): void {
    assert.equal(this.finished, 0, 'nothing is done after the end')
    if (effect.kind === 'wake') this.wakeAt = this.life.now + effect.wait
    if (effect.kind === 'finish') {
      assert.ok(!this.leader && !this.leftovers, 'it ends when nothing is left')
      this.finished += 1
    }
    if (effect.kind === 'kill') {
      this.leftovers = false
      if (this.leader) this.crash(false)
    }
    if (effect.kind === 'spawn') this.#spawn()
  }

  #spawn(): void {
    assert.ok(!this.leader, 'two runs at once')
    assert.ok(!this.leftovers, 'a run beside what is left of the last')
    assert.equal(this.life.state.stop, undefined, 'a start after a stop')
    if (this.nextFails) {
      this.nextFails = false
      this.feed(ended({ kind: 'unstartable', reason: 'gone' }))
      return
    }
    this.leader = true
    this.pid += 1
    this.feed({ kind: 'spawned', pid: this.pid })
  }

  crash(leftovers: boolean): void {
    if (!this.leader) return
    this.leader = false
    this.leftovers ||= leftovers
    this.feed(ended(failed, this.leftovers))
  }

  pass(wait: number): void {
    const until = this.life.now + wait
    while (this.wakeAt !== undefined && this.wakeAt <= until && this.finished === 0) {
      this.life.now = instant(Math.max(this.wakeAt, this.life.now))
      this.wakeAt = undefined
      this.feed(woken(this.leftovers))
    }
    this.life.now = instant(until)
  }
}

test('in every life: one run at a time, none after a stop, and every stop comes to its end', () => {
  fc.assert(
    fc.property(fc.array(chance, { maxLength: 40 }), (chances) => {
      const world = new World()
      world.feed({ kind: 'began' })
      for (const next of chances) {
        if (world.finished > 0) break
        if (next.kind === 'crash') world.crash(next.leftovers)
        if (next.kind === 'unstartable') world.nextFails = true
        if (next.kind === 'time') world.pass(next.wait)
        if (next.kind === 'stop') world.feed(stop(next.within))
        const { process, stop: stopping } = world.life.state
        if (stopping === undefined) assert.equal(process.kind === 'running', world.leader)
        else assert.ok(['stopping', 'stopped'].includes(process.kind))
      }
      if (world.finished === 0) {
        // The longest wait, and a look whether what was left behind is gone.
        world.nextFails = false
        world.pass(2000 + 25)
        if (world.life.state.stop === undefined) {
          assert.ok(world.leader, 'whatever happened, it is tried again within the longest wait')
        }
        world.feed(stop(100))
        world.pass(200)
      }
      assert.equal(world.finished, 1)
      assert.equal(world.life.state.process.kind, 'stopped')
    }),
    { numRuns: 3000 },
  )
})
