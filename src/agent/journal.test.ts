// What of a journal is found again by whoever reads it from disk.

import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import type { JournalEntry } from '../control/journal.ts'
import { Fault } from '../foundation/fault.ts'
import { instant } from '../foundation/time.ts'
import { openJournal, readTail } from './journal.ts'

const entry = (number: number): JournalEntry => ({
  ...{ at: instant(number), room: 'services', subject: 'web', rule: 'steady', why: '' },
  ...{ actions: [], seen: {} },
})
const linesOf = (from: number, count: number): string =>
  Array.from({ length: count }, (_, at) => `${JSON.stringify(entry(from + at))}\n`).join('')

suite('the tail of a journal', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ao-journal-'))
    path = join(folder, 'journal.jsonl')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const found = (): readonly number[] => readTail(path).map(({ at }) => at)

  test('goes on into the file before, as far as is kept', () => {
    writeFileSync(`${path}.1`, linesOf(0, 3000))
    writeFileSync(path, linesOf(3000, 2))
    assert.deepEqual([found().length, found()[0], found().at(-1)], [2000, 1002, 3001])
    writeFileSync(path, linesOf(3000, 2500))
    assert.deepEqual([found().length, found()[0], found().at(-1)], [2000, 3500, 5499])
  })

  test('is that of the file before alone where a rotation was cut short', () => {
    writeFileSync(`${path}.1`, linesOf(0, 3))
    assert.deepEqual(found(), [0, 1, 2])
    assert.deepEqual(
      openJournal(path)
        .recent()
        .map(({ at }) => at),
      [0, 1, 2],
    )
  })

  test('has no line that a crash cut short, and none where nothing was written', () => {
    assert.deepEqual(found(), [])
    writeFileSync(path, linesOf(0, 2))
    appendFileSync(path, '{"at":')
    assert.deepEqual(found(), [0, 1])
  })

  test('goes on behind a line that was cut short', () => {
    writeFileSync(path, linesOf(0, 2))
    appendFileSync(path, '{"at":')
    const journal = openJournal(path)
    journal.record(entry(2))
    journal.record(entry(3))
    assert.deepEqual(found(), [0, 1, 2, 3])
    openJournal(path).record(entry(4))
    const lines = readFileSync(path, 'utf8').split('\n')
    assert.deepEqual([lines.length, lines[2], lines.at(-1)], [7, '{"at":', ''])
  })

  test('that cannot be read is a fault that names the file', () => {
    mkdirSync(path)
    assert.throws(found, (thrown) => thrown instanceof Fault && thrown.message.includes(path))
  })
})
