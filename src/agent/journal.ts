// What happened, kept: the last entries in memory, all of them in a file that is rotated.

import { appendFileSync, closeSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import type { Journal, JournalEntry } from '../control/journal.ts'
import { readWhole } from '../control/whole-file.ts'
import { systemCode } from '../foundation/fault.ts'

/** A journal that can be read back and followed. */
export interface OpenJournal extends Journal {
  /** The last entries, oldest first. */
  recent(): readonly JournalEntry[]
  /** Calls `hear` at each entry from now on. */
  follow(hear: (entry: JournalEntry) => void): Disposable
  /** How many entries could not be written to the file; they were still told and shown. */
  lost(): number
}

const keptInMemory = 2000
const rotatedAtBytes = 10 * 1024 * 1024

/**
 * Opens the journal in `path` and goes on after what an earlier agent wrote. A disk that is full
 * costs the entry in the file, never the agent.
 */
export function openJournal(path: string): OpenJournal {
  const entries: JournalEntry[] = readTail(path)
  const followers = new Set<(entry: JournalEntry) => void>()
  let bytes = sizeOf(path)
  let lost = 0
  // A crash may have cut the last line short, and a full disk does.
  let isDoubtful = true

  const write = (line: string): void => {
    try {
      if (bytes > rotatedAtBytes) {
        renameSync(path, olderOf(path))
        bytes = 0
      }
      const text = isDoubtful && endsWithin(path) ? `\n${line}` : line
      isDoubtful = true
      appendFileSync(path, text, { mode: 0o600 })
      isDoubtful = false
      bytes += Buffer.byteLength(text)
    } catch {
      lost += 1
    }
  }

  return {
    record(entry) {
      entries.push(entry)
      if (entries.length > keptInMemory) entries.splice(0, entries.length - keptInMemory)
      write(`${JSON.stringify(entry)}\n`)
      for (const hear of followers) hear(entry)
    },
    recent: () => entries,
    follow(hear) {
      followers.add(hear)
      return { [Symbol.dispose]: () => followers.delete(hear) }
    },
    lost: () => lost,
  }
}

/** Whether it ends in the middle of a line: none is begun behind it. */
function endsWithin(path: string): boolean {
  const size = sizeOf(path)
  if (size === 0) return false
  const file = openSync(path, 'r')
  try {
    const last = Buffer.alloc(1)
    return readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a
  } finally {
    closeSync(file)
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return 0
    throw thrown
  }
}

/**
 * The last entries of a journal on disk, also of the file before it where it was just rotated; a
 * line that a crash cut short is passed over. Throws a Fault that names the file.
 */
export function readTail(path: string): JournalEntry[] {
  const entries = entriesIn(path, keptInMemory)
  if (entries.length >= keptInMemory) return entries
  return [...entriesIn(olderOf(path), keptInMemory - entries.length), ...entries]
}

const olderOf = (path: string): string => `${path}.1`

function entriesIn(path: string, most: number): JournalEntry[] {
  const lines = (readWhole(path) ?? '').split('\n').slice(-most - 1)
  const entries = lines.flatMap((line): JournalEntry[] => {
    try {
      return line === '' ? [] : [JSON.parse(line) as JournalEntry]
    } catch {
      return []
    }
  })
  return entries.slice(-most)
}
