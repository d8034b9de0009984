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
