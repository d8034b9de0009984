// Which processes did this benchmark start, what do they cost, and how do they end? By pid only.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
// A signal ends this process in order: only then is what it began ended with it.
import './cleanup.ts'

/** A process that this benchmark started; disposing it ends it and whatever it started. */
export interface Child extends AsyncDisposable {
  readonly pid: number
  /** Whether it has ended. */
  ended(): boolean
  signal(name: NodeJS.Signals): void
  /** Sends `name` and waits for the end; SIGKILL after `within` ms. */
  stop(name?: NodeJS.Signals, within?: number): Promise<void>
}

const living = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

/** Starts a process whose output goes to the file `log`. */
export function start(
  command: string,
  args: readonly string[],
  options: { readonly log: string; readonly env?: NodeJS.ProcessEnv; readonly cwd?: string },
): Child {
  const log = openSync(options.log, 'a')
  const child = spawn(command, args, {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  closeSync(log)
  living.add(child)
  child.once('error', (cause) => {
    throw new Error(`cannot start ${command}`, { cause })
  })
  child.once('exit', () => living.delete(child))
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null
  const stop = async (name: NodeJS.Signals = 'SIGTERM', within = 5000): Promise<void> => {
    if (ended()) return
    const tree = treeOf(child.pid ?? 0)
    const exit = once(child, 'exit')
    child.kill(name)
    const forced = setTimeout(() => child.kill('SIGKILL'), within)
    await exit
    clearTimeout(forced)
    for (const pid of tree) signalPid(pid, 'SIGKILL')
  }
  return {
    pid: child.pid ?? 0,
    ended,
    signal: (name) => void child.kill(name),
    stop,
    [Symbol.asyncDispose]: () => stop(),
  }
}

/** Signals one process; one that is gone is no fault. */
export function signalPid(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown
  }
}

interface Stat {
  readonly pid: number
  readonly parent: number
  readonly ticks: number
}

/** Fields 4, 14 and 15 of /proc/PID/stat (proc(5)); `undefined` when the process is gone. */
function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z') return undefined
    return { pid, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }
  } catch {
    return undefined
  }
}

/** A process and all that descend from it. */
export function treeOf(root: number): readonly number[] {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)))
    .filter((stat) => stat !== undefined)
  const found = [root]
  for (const pid of found) {
    for (const stat of stats) if (stat.parent === pid && stat.pid !== pid) found.push(stat.pid)
  }
  return found
}

/** The children of a process, oldest first. */
export const childrenOf = (pid: number): readonly number[] =>
  treeOf(pid).filter((each) => statOf(each)?.parent === pid)

const filesOf = (pid: number): number => {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch (thrown) {
    // It has ended.
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw thrown
  }
}

/**
 * The one of these that holds the most files: of processes that share a port, the one that has the
 * clients. To kill one that has none would prove nothing.
 */
export const busiestOf = (pids: readonly number[]): number | undefined =>
  pids.toSorted((a, b) => filesOf(b) - filesOf(a))[0]

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** User and system time of these processes so far, in microseconds. */
export const cpuMicros = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + (statOf(pid)?.ticks ?? 0), 0) * (1e6 / ticksPerSecond)

/** Waits until `holds`, asked every few milliseconds; throws with `what` after `within` ms. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  within = 15_000,
): Promise<void> {
  const deadline = performance.now() + within
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${within} ms`)
    await pause(5)
  }
}
