// Which process is that? A process id alone may be reused: with its start time it is a name.

import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemCode } from '../foundation/fault.ts'

/** A process, for as long as the machine runs: ids are reused, ids with a start time are not. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks from boot to its start: field 22 of /proc/PID/stat (proc(5)). */
  readonly startTicks: number
}

/** What /proc/PID/stat says of a process (proc(5)). */
export interface Stat extends Pick<ProcessIdentity, 'startTicks'> {
  readonly name: string
  /** A zombie, or about to be gone: it runs nothing and holds nothing but its number. */
  readonly dead: boolean
  /** Stopped by a signal, or by a debugger. */
  readonly stopped: boolean
  readonly group: number
  readonly parent: number
}

/** Reads the text of /proc/PID/stat; `undefined` for an empty one. */
export function parseStat(text: string): Stat | undefined {
  if (text === '') return undefined
  // The name in parentheses may itself hold spaces and parentheses: fields count from the last.
  const end = text.lastIndexOf(')')
  const [state = '', parent, group, ...fields] = text.slice(end + 2).split(' ')
  return {
    name: text.slice(text.indexOf('(') + 1, end),
    dead: state === 'Z' || state === 'X',
    stopped: state === 'T' || state === 't',
    group: Number(group),
    parent: Number(parent),
    startTicks: Number(fields[16]),
  }
}

/** What the system says of a process; `undefined` if there is none of this id. */
export function statOf(pid: number): Stat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (thrown) {
    if (['ENOENT', 'ESRCH'].includes(systemCode(thrown) ?? '')) return undefined
    throw thrown
  }
}

/** The identity of a living process; `undefined` if there is none, or it is a zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = statOf(pid)
  return stat === undefined || stat.dead ? undefined : { pid, startTicks: stat.startTicks }
}

/**
 * Every living process below this one: its children, theirs, and so on, also those that made a
 * session of their own. To be asked while it lives: orphans have another parent.
 */
export function descendantsOf(pid: number): readonly ProcessIdentity[] {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = statOf(Number(name))
      return stat === undefined || stat.dead ? [] : [{ pid: Number(name), ...stat }]
    })
  const children = Map.groupBy(stats, ({ parent }) => parent)
  const below = (one: number): ProcessIdentity[] =>
    (children.get(one) ?? []).flatMap(({ pid: child, startTicks }) => [
      { pid: child, startTicks },
      ...below(child),
    ])
  return below(pid)
}

/** Names this run of the machine: identities of another one say nothing (random(4)). */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

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

/** util-linux's, in Debian's base system: it ties a process to the life of its parent. */
const setpriv = '/usr/bin/setpriv'

/**
 * The command that gives up its rights, if it is to run as another, and dies with its parent
 * (prctl(2), PR_SET_PDEATHSIG).
 */
export function tied(
  argv: readonly string[],
  as: { readonly uid: number; readonly gid?: number | undefined } | undefined,
): readonly string[] {
  const user =
    as === undefined ? [] : [`--reuid=${as.uid}`, `--regid=${as.gid ?? as.uid}`, '--clear-groups']
  return [setpriv, '--pdeathsig=KILL', ...user, '--', ...argv]
}

/**
 * The file of an entry point beside the caller's: `.ts` when run from source, `.js` when run from
 * the published build.
 */
export const entryBeside = (callerUrl: string, path: string): string =>
  fileURLToPath(new URL(path + extname(fileURLToPath(callerUrl)), callerUrl))

/**
 * Flags of node for a guard: a small young generation, because it makes little garbage, and no
 * helper threads for a compiler and a collector that have next to nothing to do.
 */
export const guardNodeFlags: readonly string[] = ['--max-semi-space-size=1', '--v8-pool-size=0']

/**
 * Flags of node for an agent: a young generation that does not grow. With one of 16 MiB the garbage
 * of minutes stands at 128 MiB before it is collected, with this one at 88.
 */
export const agentNodeFlags: readonly string[] = ['--max-semi-space-size=4']
