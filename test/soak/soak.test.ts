// A soak of half a minute: five faults, and nothing lost. The long one is `npm run soak`.

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { faultOf, soakFaults } from './faults.ts'
import { sparkline, svg } from './picture.ts'
import { soak } from './run.ts'
import { judge, type Life, slopeOf } from './verdict.ts'

test('loses no request to a fault every few seconds', { timeout: 240_000 }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'aos-'))
  const tell = (line: string): void => context.diagnostic(line)
  const soaked = await soak({ folder, turns: 6, turn: 3500, rate: 100, tell })
  const told = soaked.turns.map(({ fault, failures }) => `${fault}: ${failures}`).join('; ')
  assert.equal(soaked.failed, 0, told)
  assert.ok(soaked.requests >= 1000, `only ${soaked.requests} requests`)
  for (const name of ['agent', 'edge 1', 'edge 2', 'guard api-1', 'guard web-1']) {
    assert.ok(
      soaked.lives.some((life) => life.name === name && life.samples.length > 0),
      `${name} was not seen`,
    )
  }
  const edges = soaked.lives.filter(({ name }) => name === 'edge 1')
  assert.ok(edges.length >= 2, 'the upgrade did not exchange the first edge')
  assert.equal(existsSync(folder), false)
})

test('every fault has its turn in an hour', () => {
  const met = new Set(Array.from({ length: 59 }, (_, index) => faultOf(index + 1, 60)))
  assert.deepEqual([...met].toSorted(), Object.keys(soakFaults).toSorted())
})

const life = (memory: (minute: number) => number, files: (minute: number) => number): Life => ({
  ...{ name: 'edge 1', pid: 1 },
  samples: Array.from({ length: 60 }, (_, minute) => ({
    ...{ at: minute * 60, memory: memory(minute), files: files(minute) },
  })),
})

suite('a life is judged', () => {
  test('flat when it warms up, wanders or has a peak', () => {
    for (const memory of [
      (minute: number) => 50 + Math.min(minute, 8) * 5,
      (minute: number) => 90 + (minute % 7),
      (minute: number) => (minute === 40 ? 300 : 90),
      (minute: number) => 90 - minute / 2,
      (minute: number) => 50 + (minute % 18) * 3,
    ]) {
      assert.equal(
        judge(
          life(memory, () => 40),
          180,
          600,
        )?.isFlat,
        true,
      )
    }
  })

  test('flat when files come and go by thousands, and growing when the fewest of them do', () => {
    const held = (minute: number): number => (minute % 3 === 0 ? 3000 - minute * 20 : 0)
    const judged = (files: (minute: number) => number) =>
      judge(
        life(() => 60, files),
        180,
        600,
      )
    assert.equal(judged((minute) => 26 + held(minute))?.isFlat, true)
    assert.equal(judged((minute) => 26 + minute + held(minute))?.isFlat, false)
  })

  test('growing when memory or files go up and up', () => {
    assert.equal(
      judge(
        life(
          (minute) => 60 + minute / 2,
          () => 40,
        ),
        180,
        600,
      )?.isFlat,
      false,
    )
    assert.equal(
      judge(
        life(
          () => 60,
          (minute) => 40 + minute,
        ),
        180,
        600,
      )?.isFlat,
      false,
    )
  })

  test('not at all when it was too short', () => {
    const short = {
      ...life(
        () => 60,
        () => 40,
      ),
      samples: life(
        () => 60,
        () => 40,
      ).samples.slice(0, 9),
    }
    assert.equal(judge(short, 180, 600), undefined)
  })

  test('by a slope that outliers do not bend', () => {
    const points = Array.from({ length: 20 }, (_, x) => ({ x, y: x === 7 ? 1e6 : 3 * x }))
    assert.equal(slopeOf(points), 3)
  })
})

test('the pictures hold what they are given', () => {
  const points = [0, 1, 2, 4].map((value, at) => ({ at, value }))
  assert.equal(sparkline(points, 4), '▁▃▅█')
  const drawn = svg(
    [{ title: 'memory', series: [{ name: 'edge', points }] }],
    [{ at: 1, name: 'kill' }],
    3,
  )
  for (const part of ['<svg ', '<polyline ', 'kill', '</svg>'])
    assert.ok(drawn.includes(part), part)
})
