// Which row judges which news: a table by hand, and every combination of a small world.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { instant, ms } from '../foundation/time.ts'
import { agentAfter } from './agent-words.ts'
import { judge, unknownHealth } from './judge.ts'
import type { Check, Health, HealthObservation, News, Sighting, Verdict } from './model.ts'
import { healthRules } from './rules.ts'

const now = instant(10_000)
const check = {
  ...{ kind: 'tcp', every: ms(1000), fast: ms(100), timeout: ms(1000), rise: 2, fall: 3 },
} as const satisfies Check

const passed = (at = 10_000, took = 1): News => ({
  kind: 'sighting',
  sighting: { kind: 'passed', at: instant(at), took: ms(took) },
})
const failed = (at = 10_000, took = 1): News => ({
  kind: 'sighting',
  sighting: { kind: 'failed', at: instant(at), took: ms(took), reason: 'connection refused' },
})
const unasked: News = {
  kind: 'sighting',
  sighting: { kind: 'unasked', at: now, took: ms(0), reason: 'no free port' },
}
const agentSays = (says: 'up' | 'down'): News => ({
  kind: 'agent',
  report: { says, line: `${says} # maintenance of the disk` },
})
const calledDown = agentAfter(undefined, agentSays('down'), check)
const signal: News = { kind: 'signal', signal: { server: 'web-1', at: now, kind: 'reset' } }

/** An observation that differs from a healthy server with a healthy sibling as stated. */
function seen(differs: Partial<Health>, news: News, more: Partial<HealthObservation> = {}) {
  const health: Health = { ...unknownHealth(instant(0)), verdict: 'up', passes: 9, ...differs }
  return { now, server: 'web-1', health, check, siblingsUp: 1, news, ...more }
}

const down = { verdict: 'down', passes: 0, failures: 3 } as const
const unknown = { verdict: 'unknown', passes: 0 } as const
const doubted = { suspectedAt: instant(9_990) }

const cases: readonly {
  readonly name: string
  readonly seen: HealthObservation
  readonly rule: string
  readonly verdict: Verdict
}[] = [
  ...([
    { name: 'a first pass', seen: seen(unknown, passed()), rule: 'first-pass', verdict: 'up' },
    {
      name: 'a first failure',
      seen: seen(unknown, failed()),
      rule: 'first-failure',
      verdict: 'down',
    },
    { name: 'another pass', seen: seen({}, passed()), rule: 'unchanged', verdict: 'up' },
    { name: 'one failure', seen: seen({}, failed()), rule: 'falling', verdict: 'up' },
    {
      name: 'two of three',
      seen: seen({ passes: 0, failures: 1 }, failed()),
      rule: 'falling',
      verdict: 'up',
    },
    {
      name: 'three of three',
      seen: seen({ passes: 0, failures: 2 }, failed()),
      rule: 'fallen',
      verdict: 'down',
    },
    {
      name: 'a failure on a down server',
      seen: seen(down, failed()),
      rule: 'unchanged',
      verdict: 'down',
    },
    { name: 'one pass of two', seen: seen(down, passed()), rule: 'rising', verdict: 'down' },
    {
      name: 'two passes of two',
      seen: seen({ ...down, passes: 1, failures: 0 }, passed()),
      rule: 'risen',
      verdict: 'up',
    },
    {
      name: 'one pass, nobody else up',
      seen: seen(down, passed(), { siblingsUp: 0 }),
      rule: 'last-hope',
      verdict: 'up',
    },
    { name: 'a reset in traffic', seen: seen({}, signal), rule: 'traffic-doubts', verdict: 'up' },
    {
      name: 'a reset on the last one',
      seen: seen({}, signal, { siblingsUp: 0 }),
      rule: 'traffic-doubts',
      verdict: 'up',
    },
    {
      name: 'a doubted one fails',
      seen: seen(doubted, failed()),
      rule: 'two-witnesses',
      verdict: 'down',
    },
    {
      name: 'a doubted last one fails',
      seen: seen(doubted, failed(), { siblingsUp: 0 }),
      rule: 'falling',
      verdict: 'up',
    },
    {
      name: 'a doubted one passes',
      seen: seen(doubted, passed()),
      rule: 'unchanged',
      verdict: 'up',
    },
    {
      name: 'no port to ask from',
      seen: seen({ failures: 2, passes: 0 }, unasked),
      rule: 'could-not-ask',
      verdict: 'up',
    },
    {
      name: 'another process',
      seen: seen({}, { kind: 'restarted' }),
      rule: 'restarted',
      verdict: 'unknown',
    },
    {
      name: 'another check',
      seen: seen({}, { kind: 'check-changed' }),
      rule: 'unchanged',
      verdict: 'up',
    },
    {
      name: 'no check',
      seen: seen(unknown, { kind: 'restarted' }, { check: { kind: 'none' } }),
      rule: 'no-check',
      verdict: 'up',
    },
  ] as const),
]

suite('a verdict', () => {
  for (const { name, seen, rule, verdict } of cases) {
    test(`${name}: ${rule}, ${verdict}`, () => {
      const judged = judge(seen)
      assert.equal(judged.rule, rule)
      assert.equal(judged.health.verdict, verdict)
    })
  }

  test('that changes says from what, by which rule and what was seen', () => {
    assert.deepEqual(judge(seen({ passes: 0, failures: 2 }, failed())).change, {
      server: 'web-1',
      from: 'up',
      to: 'down',
      rule: 'fallen',
      why: 'it failed as many checks in a row as it may: connection refused',
    })
  })

  test('that stays keeps the instant since when it holds', () => {
    assert.equal(judge(seen({}, failed())).health.since, 0)
    assert.equal(judge(seen({ passes: 0, failures: 2 }, failed())).health.since, now)
  })

  test('is not believed of the next process at the address', () => {
    const { health } = judge(seen({ ...doubted, failures: 2 }, { kind: 'restarted' }))
    assert.deepEqual(health, unknownHealth(now))
  })

  test('says what the agent says of it', () => {
    const { health, change } = judge(seen({}, agentSays('down')))
    assert.equal(change?.rule, 'agent-says-down')
    assert.equal(change.why, 'its own agent says that it is down: down # maintenance of the disk')
    const later = judge(seen({ ...health, passes: 1 }, agentSays('up')))
    assert.equal(later.change?.rule, 'agent-says-up')
  })

  test('is not believed while the agent says down, however often a check passes', () => {
    const { health } = judge(seen({ ...down, agent: calledDown, passes: 5 }, passed()))
    assert.equal(health.verdict, 'down')
  })

  test('no longer heeds what an agent said once the check asks none', () => {
    const called = { ...down, agent: calledDown, passes: 5, failures: 0 }
    const agent = { host: undefined, port: 9707, every: ms(2000), timeout: ms(1000), send: '' }
    const change = { kind: 'check-changed' } as const
    const asked = judge(seen(called, change, { check: { ...check, agent } }))
    assert.equal(asked.health.agent?.says, 'down')
    const { health } = judge(seen(called, change))
    assert.equal(health.agent, undefined)
    assert.equal(health.verdict, 'down', 'its check has the word')
    assert.equal(judge(seen(health, passed())).change?.rule, 'risen')
    const unchecked = judge(seen(called, change, { check: { kind: 'none' } }))
    assert.equal(unchecked.health.agent, undefined)
    assert.equal(unchecked.health.verdict, 'up')
  })

  test('a doubt is answered only by a probe that began after it', () => {
    assert.equal(judge(seen(doubted, passed(10_000, 5))).health.suspectedAt, undefined)
    assert.equal(judge(seen(doubted, passed(10_000, 20))).health.suspectedAt, 9_990)
    assert.equal(judge(seen(doubted, unasked)).health.suspectedAt, 9_990)
  })
})

/** Every server there can be, with limits of three and fewer, and everything that can be news. */
function* everyObservation(): Generator<HealthObservation> {
  const counts = [0, 1, 2, 3]
  const news = [passed(), failed(), unasked, signal]
  news.push({ kind: 'restarted' }, { kind: 'check-changed' }, agentSays('up'), agentSays('down'))
  const checks: Check[] = [{ kind: 'none' }]
  for (const rise of [1, 2, 3]) for (const fall of [1, 2, 3]) checks.push({ ...check, rise, fall })
  for (const verdict of ['unknown', 'up', 'down'] as const)
    for (const count of counts)
      for (const row of ['passes', 'failures'] as const)
        for (const suspectedAt of [undefined, instant(9_990)])
          for (const siblingsUp of [0, 1])
            for (const agent of [undefined, calledDown])
              for (const check of checks)
                for (const what of news) {
                  const past = { verdict, passes: 0, failures: 0, suspectedAt, agent }
                  yield seen({ ...past, [row]: count }, what, { siblingsUp, check })
                }
}

test('in every small world: rules that all are reached keep what a verdict promises', () => {
  const reached = new Set<string>()
  for (const world of everyObservation()) {
    const { health, change, rule } = judge(world)
    reached.add(rule)
    const before = world.health.verdict
    const kind = world.news.kind === 'sighting' ? world.news.sighting.kind : world.news.kind
    assert.equal(change === undefined, health.verdict === before)
    assert.ok(health.passes === 0 || health.failures === 0, 'one of two rows is zero')
    if (world.check.kind === 'none') {
      assert.equal(health.verdict, 'up')
      continue
    }
    if (kind === 'restarted') assert.equal(health.verdict, 'unknown')
    else if (health.agent?.says === 'down') assert.equal(health.verdict, 'down', 'the agent')
    else if (kind === 'agent') {
      const lifts = before !== 'up' && health.verdict === 'up'
      if (lifts) assert.ok(world.health.agent?.says === 'down' && health.passes > 0)
      else assert.equal(health.verdict, before)
    } else if (health.verdict !== before) {
      assert.equal(kind, health.verdict === 'up' ? 'passed' : 'failed', 'only a check condemns')
    }
    if (health.agent?.says === 'down') continue
    if (before === 'unknown' && kind === 'passed') assert.equal(health.verdict, 'up')
    if (before === 'unknown' && kind === 'failed') assert.equal(health.verdict, 'down')
    if (kind === 'failed' && before === 'up') {
      const { fall } = world.check
      if (health.failures >= fall) assert.equal(health.verdict, 'down')
      else if (world.siblingsUp === 0) assert.equal(health.verdict, 'up', 'the last is kept')
    }
    if (kind === 'passed' && before === 'down') {
      const comes = health.passes >= world.check.rise || world.siblingsUp === 0
      assert.equal(health.verdict, comes ? 'up' : 'down')
    }
  }
  assert.deepEqual(
    healthRules.map((rule) => rule.id).filter((id) => !reached.has(id)),
    [],
    'a rule that nothing reaches is a rule to delete',
  )
})

test('whatever comes, in whatever order: passes alone bring every server up, failures down', () => {
  for (const world of everyObservation()) {
    if (world.check.kind === 'none' || world.health.agent?.says === 'down') continue
    if (world.news.kind === 'agent') continue
    for (const [news, verdict] of [
      [passed(10_050), 'up'],
      [failed(10_050), 'down'],
    ] as const) {
      let { health } = judge(world)
      for (let turn = 0; turn < 3; turn += 1) health = judge({ ...world, health, news }).health
      assert.equal(health.verdict, verdict)
    }
  }
})

test('a sighting is remembered as it was', () => {
  const sighting: Sighting = { kind: 'passed', at: now, took: ms(3) }
  assert.equal(judge(seen({}, { kind: 'sighting', sighting })).health.last, sighting)
})
