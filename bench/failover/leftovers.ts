// What does a bed leave behind, and how is all of it ended? Processes by their own ids, found by
// the folders that their arguments name, or that they work in: guards, edges and servers outlive
// their agents, and an edge has a title in the place of its arguments.

import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../test/engines/waiting.ts'
import { readText } from './history.ts'

/** Ends every process that works in one of these folders, or has it in its arguments. */
export async function endThoseOf(folders: readonly string[]): Promise<void> {
  await until('no process of the bed is left', () => {
    const left = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((name) => namesOneOf(join('/proc', name), folders))
    for (const pid of left) kill(Number(pid))
    return left.length === 0
  })
}

function namesOneOf(folder: string, folders: readonly string[]): boolean {
  const words = `${readText(join(folder, 'cmdline'))}${placeOf(folder)}`
  if (!folders.some((each) => words.includes(each))) return false
  // One that has ended and that nobody has asked about is no process any more.
  return !/^\d+ \(.*\) Z /s.test(readText(join(folder, 'stat')))
}

/** Where a process works; nothing is known of one that has ended. */
function placeOf(folder: string): string {
  try {
    return readlinkSync(join(folder, 'cwd'))
  } catch {
    return ''
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (thrown) {
    if ((thrown as { code?: string }).code !== 'ESRCH') throw thrown
  }
}

/** What is to be cleaned up when this process is told to end before it has. */
const open = new Set<AsyncDisposable>()

/** Disposes of it at the end of this process as well, if a signal is the reason. */
export function cleansUp<Thing extends AsyncDisposable>(thing: Thing): Thing {
  if (open.size === 0) for (const signal of ends) process.once(signal, endAll)
  open.add(thing)
  return thing
}

/** It has been cleaned up. */
export function isClean(thing: AsyncDisposable): void {
  open.delete(thing)
  if (open.size === 0) for (const signal of ends) process.off(signal, endAll)
}

const ends = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

function endAll(): void {
  // Whatever is in the middle of something fails now, and must not end this process before its end.
  process.on('uncaughtException', () => {})
  process.on('unhandledRejection', () => {})
  Promise.allSettled([...open].map((each) => each[Symbol.asyncDispose]())).then(
    () => process.exit(130),
    () => process.exit(1),
  )
}
