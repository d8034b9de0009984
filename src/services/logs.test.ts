// Reading logs: the last lines, and what follows, each line once, whatever is rotated meanwhile.

import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openClock } from '../foundation/time.ts'
import { logsFolder } from './guard/record.ts'
import { type LogLine, readLogs, replicasWithLogs } from './logs.ts'

const clock = openClock()

/** A follower that misses a line would wait for ever. */
const soon = { timeout: 120_000 }

interface Bed extends Disposable {
  readonly state: string
  readonly path: string
}

function openBed(): Bed {
  const state = mkdtempSync(join(tmpdir(), 'logs-'))
  mkdirSync(logsFolder(state))
  const path = join(logsFolder(state), 'web-1.log')
  return { state, path, [Symbol.dispose]: () => rmSync(state, { recursive: true }) }
}

const numbered = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}\n`).join('')

async function last(bed: Bed, lines: number, ids = ['web-1']): Promise<readonly string[]> {
  const query = { lines, follow: false, clock }
  const read = await Array.fromAsync(readLogs(bed.state, () => ids, query))
  return read.map(({ line }) => line)
}

test('reads the last lines, across rotated files', async () => {
  using bed = openBed()
  writeFileSync(`${bed.path}.2`, numbered(1, 3))
  writeFileSync(`${bed.path}.1`, numbered(4, 6))
  writeFileSync(bed.path, numbered(7, 8))
  assert.deepEqual(await last(bed, 0), [])
  assert.deepEqual(await last(bed, 1), ['line 8'])
  assert.deepEqual(await last(bed, 4), ['line 5', 'line 6', 'line 7', 'line 8'])
  assert.equal((await last(bed, Number.POSITIVE_INFINITY)).length, 8)
  assert.equal((await last(bed, 100)).length, 8)
})

test('finds the last lines of a long file, and lines longer than a block', async () => {
  using bed = openBed()
  const long = 'ä'.repeat(100_000)
  writeFileSync(bed.path, `${numbered(1, 50_000)}${long}\nend\n`)
  assert.deepEqual(await last(bed, 3), ['line 50000', long, 'end'])
})

test('has no lines of a replica without a log', async () => {
  using bed = openBed()
  assert.deepEqual(await last(bed, 10), [])
})

test('knows whose logs there are', async () => {
  using bed = openBed()
  for (const name of ['web-10.log', 'web-2.log', 'web-2.log.1', 'web-api-1.log', 'web-1.txt']) {
    writeFileSync(join(logsFolder(bed.state), name), '')
  }
  assert.deepEqual(await replicasWithLogs(bed.state, 'web'), ['web-2', 'web-10'])
  assert.deepEqual(await replicasWithLogs(bed.state, 'web-api'), ['web-api-1'])
  assert.deepEqual(await replicasWithLogs(join(bed.state, 'none'), 'web'), [])
})

test('follows each line once across rotations, and says where some are gone', soon, async () => {
  using bed = openBed()
  writeFileSync(bed.path, numbered(1, 3))
  const abort = new AbortController()
  const query = { lines: 2, follow: true, clock }
  const follower = readLogs(bed.state, () => ['web-1', 'web-2'], query, abort.signal)
  const next = async (): Promise<LogLine> => (await follower.next()).value as LogLine
  const nextLines = async (count: number): Promise<readonly string[]> => {
    const lines: string[] = []
    while (lines.length < count) lines.push((await next()).line)
    return lines
  }
  const rotate = (keep: number): void => {
    for (let n = keep; n < 9; n += 1) rmSync(`${bed.path}.${n}`, { force: true })
    for (let n = keep - 1; n > 0; n -= 1) renameIfThere(`${bed.path}.${n}`, `${bed.path}.${n + 1}`)
    renameSync(bed.path, `${bed.path}.1`)
    writeFileSync(bed.path, '')
  }
  assert.deepEqual(await nextLines(2), ['line 2', 'line 3'])
  appendFileSync(bed.path, 'li')
  appendFileSync(bed.path, 'ne 4\nline 5\n')
  assert.deepEqual(await nextLines(2), ['line 4', 'line 5'])
  appendFileSync(bed.path, numbered(6, 6))
  for (const number of [7, 8, 9]) {
    rotate(5)
    appendFileSync(bed.path, numbered(number, number))
  }
  assert.deepEqual(await nextLines(4), ['line 6', 'line 7', 'line 8', 'line 9'])
  for (const number of [10, 11, 12]) {
    rotate(2)
    appendFileSync(bed.path, numbered(number, number))
  }
  const gapped = await nextLines(4)
  assert.match(gapped[0] ?? '', /rotated away/)
  assert.deepEqual(gapped.slice(1), ['line 10', 'line 11', 'line 12'])
  writeFileSync(join(logsFolder(bed.state), 'web-2.log'), 'late\n')
  assert.deepEqual(await next(), { replica: 'web-2', line: 'late' })
  abort.abort()
  assert.equal((await follower.next()).done, true)
})

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (thrown) {
    assert.equal((thrown as NodeJS.ErrnoException).code, 'ENOENT')
  }
}

test('knows whose logs there are on one of several machines', async () => {
  using bed = openBed()
  for (const name of ['web-10.a', 'web-2.b', 'web-2.a', 'web-2', 'web-api-1.a', 'web-3.a.b']) {
    writeFileSync(join(logsFolder(bed.state), `${name}.log`), '')
    writeFileSync(join(logsFolder(bed.state), `${name}.log.1`), '')
  }
  const found = await replicasWithLogs(bed.state, 'web')
  assert.deepEqual(found, ['web-2', 'web-2.a', 'web-2.b', 'web-10.a'])
  assert.deepEqual(await replicasWithLogs(bed.state, 'web-api'), ['web-api-1.a'])
})
