// The monitor on a clock that is driven by hand, asking servers that answer as a test says.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { seededRandom } from '../foundation/random.ts'
import { type Instant, ms } from '../foundation/time.ts'
import { VirtualClock } from '../simulation/clock.ts'
import { readAgentLine } from './agent-words.ts'
import type { AgentCheck, Check, Sighting, Target } from './model.ts'
import { openMonitor } from './monitor.ts'

const check: Check = {
  ...{ kind: 'tcp', every: ms(1000), fast: ms(100), timeout: ms(500), rise: 2, fall: 2 },
}

const target = (id: string, more: Partial<Target> = {}): Target => ({
  ...{ id, service: 'web', host: '127.0.0.1', port: 1000, incarnation: '1', check },
  ...more,
})

/** A monitor whose servers pass after 1 ms, unless they are named in `failing`. */
function openWorld() {
  const clock = new VirtualClock()
  const failing = new Set<string>()
  const asked: (readonly [id: string, at: Instant])[] = []
  const told: string[] = []
  const onChange: (() => void)[] = []
  const monitor = openMonitor({
    clock,
    random: seededRandom(1),
    prober: {
      probe(target, seen) {
        asked.push([target.id, clock.now()])
        const fails = failing.has(target.id)
        clock.after(ms(1), () => {
          const told = { at: clock.now(), took: ms(1) }
          const sighting: Sighting = fails
            ? { kind: 'failed', reason: 'connection refused', ...told }
            : { kind: 'passed', ...told }
          seen(sighting)
        })
      },
    },
    listener: {
      changed({ server, from, to, rule }, _, expected) {
        const quietly = expected ? ', as expected' : ''
        told.push(`${clock.now()} ${server} ${from}-${to} ${rule}${quietly}`)
        for (const react of onChange) react()
      },
    },
  })
  const verdict = (id: string) => monitor.observe().get(id)?.verdict
  /** The gaps between the questions to one server. */
  const gaps = (id: string, from = 0): readonly number[] => {
    const at = asked.filter(([who, at]) => who === id && at >= from).map(([, at]) => at)
    return at.slice(1).map((later, n) => Math.round(later - at[n]!))
  }
  return { clock, failing, asked, told, onChange, monitor, verdict, gaps }
}

suite('a monitor', () => {
  test('asks a new server at once, and knows nothing of it before', () => {
    const { clock, monitor, verdict, told } = openWorld()
    monitor.watch([target('web-1')])
    assert.equal(verdict('web-1'), 'unknown')
    clock.run(ms(1))
    assert.equal(verdict('web-1'), 'up')
    assert.deepEqual(told, ['1 web-1 unknown-up first-pass'])
  })

  test('asks fast until a verdict is borne out, then once an interval', () => {
    const { clock, monitor, gaps } = openWorld()
    monitor.watch([target('web-1')])
    clock.run(ms(6000))
    const [first, second, ...rest] = gaps('web-1')
    assert.equal(first, 100, 'one pass of two')
    assert.ok(second! >= 500 && second! <= 1500, 'to its place in the interval')
    assert.deepEqual(new Set(rest), new Set([1000]))
  })

  test('sees at once that a starting server is ready', () => {
    const { clock, monitor, failing, told } = openWorld()
    failing.add('web-1')
    monitor.watch([target('web-1'), target('web-2')])
    clock.run(ms(400))
    failing.delete('web-1')
    clock.run(ms(30))
    assert.deepEqual(told.slice(0, 2), [
      '1 web-1 unknown-down first-failure',
      '1 web-2 unknown-up first-pass',
    ])
    assert.match(told[2]!, /^4\d\d web-1 down-up risen$/)
  })

  test('expects no answer of what has just been started, and only of that', () => {
    const { clock, failing, monitor, told } = openWorld()
    failing.add('web-1').add('web-2')
    monitor.watch([target('web-1', { starting: true }), target('web-2')])
    clock.run(ms(1))
    assert.deepEqual(told, [
      '1 web-1 unknown-down first-failure, as expected',
      '1 web-2 unknown-down first-failure',
    ])
    failing.delete('web-1')
    clock.run(ms(500))
    failing.add('web-1')
    clock.run(ms(5000))
    assert.match(told.at(-1) ?? '', /web-1 up-down fallen$/)
  })

  test('gives a server up after its failures in a row, asked fast', () => {
    const { clock, monitor, failing, told, asked } = openWorld()
    monitor.watch([target('web-1'), target('web-2')])
    clock.run(ms(5000))
    failing.add('web-1')
    clock.run(ms(2000))
    const [, firstFailure] = asked.find(([id, at]) => id === 'web-1' && at > 5000)!
    assert.equal(told.at(-1), `${firstFailure + 101} web-1 up-down fallen`)
  })

  test('asks at once when traffic met trouble, and believes two witnesses', () => {
    const { clock, monitor, failing, told, gaps } = openWorld()
    monitor.watch([target('web-1'), target('web-2')])
    clock.run(ms(5000))
    failing.add('web-1')
    monitor.signal({ server: 'web-1', at: clock.now(), kind: 'refused' })
    clock.run(ms(1))
    assert.equal(told.at(-1), '5001 web-1 up-down two-witnesses')
    assert.ok(
      gaps('web-2', 5000).every((gap) => gap === 1000),
      'its sibling is left alone',
    )
  })

  test('a stream of signals about a server that passes asks it fast, not without end', () => {
    const { clock, monitor, gaps, verdict } = openWorld()
    monitor.watch([target('web-1'), target('web-2')])
    clock.run(ms(5000))
    for (let n = 0; n < 2000; n += 1) {
      monitor.signal({ server: 'web-1', at: clock.now(), kind: 'server-error' })
      clock.run(ms(1))
    }
    assert.equal(verdict('web-1'), 'up')
    assert.ok(gaps('web-1', 5000).length <= 21, `${gaps('web-1', 5000)}`)
  })

  test('starts again at unknown when another process answers', () => {
    const { clock, monitor, told, verdict } = openWorld()
    monitor.watch([target('web-1'), target('web-2')])
    clock.run(ms(3000))
    monitor.watch([target('web-1', { incarnation: '2' }), target('web-2')])
    assert.equal(verdict('web-1'), 'unknown')
    assert.equal(verdict('web-2'), 'up')
    assert.equal(told.at(-1), '3000 web-1 up-unknown restarted')
    clock.run(ms(1))
    assert.equal(told.at(-1), '3001 web-1 unknown-up first-pass')
  })

  test('an answer of the process before is not believed of the next', () => {
    const { clock, monitor, failing, verdict } = openWorld()
    monitor.watch([target('web-1')])
    clock.run(ms(0))
    failing.add('web-1')
    monitor.watch([target('web-1', { port: 1001 })])
    clock.run(ms(1))
    assert.equal(verdict('web-1'), 'down')
  })

  test('leaves alone whoever is watched as before, and asks no more of who is not', () => {
    const { clock, monitor, asked, verdict, told } = openWorld()
    monitor.watch([target('web-1'), target('web-2')])
    clock.run(ms(3000))
    const before = told.length
    monitor.watch([target('web-1')])
    assert.equal(verdict('web-2'), undefined)
    asked.length = 0
    clock.run(ms(5000))
    assert.deepEqual(new Set(asked.map(([id]) => id)), new Set(['web-1']))
    assert.equal(asked.length, 5)
    assert.equal(told.length, before)
  })

  test('the last hope of a service needs one pass only, also after its siblings left', () => {
    const { clock, monitor, failing, told } = openWorld()
    monitor.watch([target('web-1'), target('web-2')])
    clock.run(ms(3000))
    failing.add('web-1')
    clock.run(ms(2000))
    failing.delete('web-1')
    failing.add('web-2')
    monitor.watch([target('web-1')])
    clock.run(ms(150))
    assert.match(told.at(-1)!, /web-1 down-up last-hope/)
  })

  test('counts a server whose check was taken away as up, and asks again when it is back', () => {
    const { clock, monitor, failing, told, asked } = openWorld()
    failing.add('web-1')
    monitor.watch([target('web-1')])
    clock.run(ms(3000))
    monitor.watch([target('web-1', { check: { kind: 'none' } })])
    assert.equal(told.at(-1), '3000 web-1 down-up no-check')
    asked.length = 0
    clock.run(ms(3000))
    assert.deepEqual(asked, [])
    monitor.watch([target('web-1')])
    clock.run(ms(3000))
    assert.match(told.at(-1)!, /up-down fallen$/)
  })

  test('lets a listener watch others while it is told', () => {
    const { clock, monitor, onChange, verdict } = openWorld()
    onChange.push(() => monitor.watch([target('web-2'), target('web-3')]))
    monitor.watch([target('web-1'), target('web-2', { check: { kind: 'none' } })])
    clock.run(ms(5))
    assert.deepEqual([...monitor.observe().keys()].toSorted(), ['web-2', 'web-3'])
    assert.equal(verdict('web-3'), 'up')
  })

  test('asks five thousand new servers over a while, and then evenly', () => {
    const { clock, monitor, asked } = openWorld()
    monitor.watch(Array.from({ length: 5000 }, (_, n) => target(`s-${n}`, { service: `${n}` })))
    clock.run(ms(3000))
    const perSlot = new Map<number, number>()
    for (const [, at] of asked) {
      const slot = Math.floor(at / 50)
      perSlot.set(slot, (perSlot.get(slot) ?? 0) + 1)
    }
    const busiest = Math.max(...perSlot.values())
    // 250 each first question, and the second one 100 ms after it.
    assert.ok(busiest < 700, `${busiest} questions within 50 ms`)
    const steady = [...perSlot].filter(([slot]) => slot >= 40).map(([, count]) => count)
    assert.ok(Math.max(...steady) < 400, `${Math.max(...steady)} of 250 expected`)
  })

  test('says nothing more and asks nobody once it is disposed', () => {
    const { clock, monitor, asked, told } = openWorld()
    monitor.watch([target('web-1')])
    clock.run(ms(0))
    monitor[Symbol.dispose]()
    clock.run(ms(5000))
    assert.equal(asked.length, 1)
    assert.deepEqual(told, [])
    assert.equal(clock.next(), undefined)
  })
})

suite('an agent beside a server', () => {
  const agent = {
    ...{ host: undefined, port: 9707, every: ms(2000), timeout: ms(1000), send: '' },
  } satisfies AgentCheck

  /** A monitor whose servers pass, and whose agents say what `says` holds. */
  function openAgents() {
    const clock = new VirtualClock()
    const says = new Map<string, string>()
    const asked: Instant[] = []
    const told: string[] = []
    const monitor = openMonitor({
      clock,
      random: seededRandom(1),
      prober: {
        probe: (_, seen) =>
          clock.after(ms(1), () => seen({ kind: 'passed', at: clock.now(), took: ms(1) })),
      },
      agents: {
        ask(target, _, heard) {
          asked.push(clock.now())
          clock.after(ms(1), () => heard(readAgentLine(says.get(target.id) ?? '')))
        },
      },
      listener: {
        changed: ({ server, to, rule }) => told.push(`${server} ${to} ${rule}`),
        asked: (server, { agent }) => told.push(`${server} asks ${agent?.line}`),
      },
    })
    const withAgent = (id: string) => target(id, { check: { ...check, agent } as Check })
    return { clock, says, asked, told, monitor, withAgent }
  }

  test('is asked at its own pace, and no longer than its server is watched', () => {
    const { clock, asked, monitor, withAgent } = openAgents()
    monitor.watch([withAgent('web-1')])
    clock.run(ms(1000))
    monitor.watch([withAgent('web-1')])
    clock.run(ms(9000))
    assert.equal(asked.length, 5)
    monitor.watch([])
    clock.run(ms(9000))
    assert.equal(asked.length, 5)
  })

  test('takes its server out and brings it back, whatever its check says', () => {
    const { clock, says, told, monitor, withAgent } = openAgents()
    monitor.watch([withAgent('web-1')])
    clock.run(ms(1000))
    says.set('web-1', 'stopped # the disk is full')
    clock.run(ms(4000))
    says.set('web-1', 'up')
    clock.run(ms(4000))
    assert.deepEqual(told, [
      'web-1 up first-pass',
      'web-1 down agent-says-down',
      'web-1 up agent-says-up',
    ])
  })

  test('that asks for less is told of once, and its silence changes nothing', () => {
    const { clock, says, told, monitor, withAgent } = openAgents()
    monitor.watch([withAgent('web-1')])
    says.set('web-1', 'drain 50%')
    clock.run(ms(5000))
    says.delete('web-1')
    clock.run(ms(5000))
    assert.deepEqual(told.toSorted(), ['web-1 asks drain 50%', 'web-1 up first-pass'])
    assert.equal(monitor.observe().get('web-1')?.agent?.takes, 'drain')
  })

  test('that the file no longer asks has no say any more', () => {
    for (const [line, without] of [
      ['down', check],
      ['drain 10% maxconn:1', check],
      ['maint', { kind: 'none' }],
    ] as const) {
      const { clock, says, told, monitor, withAgent } = openAgents()
      monitor.watch([withAgent('web-1')])
      says.set('web-1', line)
      clock.run(ms(5000))
      assert.equal(monitor.observe().get('web-1')?.agent?.line, line)
      told.length = 0
      monitor.watch([target('web-1', { check: without as Check })])
      clock.run(ms(5000))
      const { verdict, agent } = monitor.observe().get('web-1') ?? assert.fail('it is watched')
      assert.deepEqual({ verdict, agent }, { verdict: 'up', agent: undefined })
      assert.equal(told.length, line === 'down' ? 2 : 1, 'whoever makes the table hears of it')
    }
  })
})
