// Which process is that? A process id alone may be reused: with its start time it is a name.

import { readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemCode } from '../foundation/fault.ts'

/** A process, for as long as the machine runs: ids are reused, ids with a start time are not. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks from boot to its start: field 22 of /proc/PID/stat (proc(5)). */
  readonly startTicks: number
}

/** The identity of a living process; `undefined` if there is none, or it is a zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch (thrown) {
    if (['ENOENT', 'ESRCH'].includes(systemCode(thrown) ?? '')) return undefined
    throw thrown
  }
  // The name in parentheses may itself hold spaces and parentheses: fields count from the last.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  return { pid, startTicks: Number(fields[19]) }
}

/** Whether this very process, not another with its id, is alive. */
export const isAlive = (process: ProcessIdentity): boolean =>
  identify(process.pid)?.startTicks === process.startTicks

/**
 * Sends a signal to this very process, or with `group` to all of its group. Returns false if it is
 * gone.
 */
export function signalProcess(
  target: ProcessIdentity,
  signal: NodeJS.Signals,
  group = false,
): boolean {
  if (!isAlive(target)) return false
  try {
    process.kill(group ? -target.pid : target.pid, signal)
    return true
  } catch (thrown) {
    if (systemCode(thrown) === 'ESRCH') return false
    throw thrown
  }
}

/**
 * The file of an entry point beside the caller's: `.ts` when run from source, `.js` when run from
 * the published build.
 */
export const entryBeside = (callerUrl: string, path: string): string =>
  fileURLToPath(new URL(path + extname(fileURLToPath(callerUrl)), callerUrl))
