// Ten thousand simulated lives of services: what must hold in each stands in
// src/simulation/invariants.ts. A life that breaks a promise is told with the command that lives
// it again, line by line.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { healthRules } from '../src/health/rules.ts'
import { serviceRules } from '../src/services/rules.ts'
import { promises } from '../src/simulation/invariants.ts'
import { type LifeReport, live } from '../src/simulation/life.ts'

const lives = 10_000
const perTest = 1000

const describeBreach = ({ plan, breach }: LifeReport): string =>
  breach === undefined
    ? ''
    : `${breach.promise}: ${promises[breach.promise]}\n${breach.what}\n` +
      `again: npm run lives -- --seed ${plan.seed} --trace`

suite(`${lives} lives`, () => {
  const rules = new Map<string, number>()
  for (let first = 1; first <= lives; first += perTest) {
    const last = first + perTest - 1
    test(`seeds ${first} to ${last} keep every promise`, async () => {
      for (let seed = first; seed <= last; seed += 1) {
        const report = await live(seed)
        if (report.breach !== undefined) assert.fail(describeBreach(report))
        assert.ok(report.requests > 0, `nobody asked for anything in life ${seed}`)
        for (const [rule, times] of report.rules) rules.set(rule, (rules.get(rule) ?? 0) + times)
      }
    })
  }

  test('see every rule decide', () => {
    // Rows that change no verdict are not told; every server of these lives has a check, and is
    // not watched between two of its processes; none has an agent beside it.
    const quiet = ['unchanged', 'rising', 'falling', 'traffic-doubts', 'could-not-ask']
    quiet.push('no-check', 'restarted', 'agent-says-down', 'agent-says-up')
    const all = [...serviceRules, ...healthRules].map(({ id }) => id)
    assert.deepEqual(
      all.filter((id) => !rules.has(id) && !quiet.includes(id)),
      [],
    )
  })
})

test('the same seed is the same life, step by step', async () => {
  const trace = async (seed: number): Promise<readonly string[]> => {
    const lines: string[] = []
    await live(seed, (line) => lines.push(line))
    return lines
  }
  for (const seed of [1, 2, 3]) {
    const once = await trace(seed)
    assert.ok(once.length > 20, `${once.length} lines`)
    assert.deepEqual(await trace(seed), once)
  }
})
