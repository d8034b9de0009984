// Starts a guard process: detached, with an environment of its own, its order on standard input.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import {
  entryBeside,
  guardNodeFlags,
  type ProcessIdentity,
  statOf,
} from '../../../control/processes.ts'
import { describeError, systemCode } from '../../../foundation/fault.ts'
import type { GuardOrder } from '../../guard/protocol.ts'
import { type GuardPaths, guardPaths, guardsFolder } from '../../guard/record.ts'
import type { Surroundings } from './model.ts'

/** What happens to a guard that was started. */
export interface GuardListener {
  /** It has its record, listens, and has begun to start its replica. */
  ready(): void
  /** It is gone. Called once, later than `spawnGuard` returns; `why` is what it said last. */
  ended(why: string): void
}

/** Starts a guard; `undefined` if there can be no process, which `ended` explains. */
export function spawnGuard(
  state: string,
  order: GuardOrder,
  { environment }: Surroundings,
  listener: GuardListener,
): ProcessIdentity | undefined {
  const paths = guardPaths(state, order.id)
  mkdirSync(guardsFolder(state), { recursive: true, mode: 0o700 })
  const main = entryBeside(import.meta.url, '../../guard/main')
  const args = [...guardNodeFlags, main, state, order.id]
  const child = withTroubleFile(paths, (trouble) =>
    spawn(process.execPath, args, {
      cwd: '/',
      detached: true,
      env: guardEnvironment(environment),
      stdio: ['pipe', 'pipe', trouble],
    }),
  )
  child.unref()
  child.on('error', (cause) => {
    if (child.pid === undefined) listener.ended(describeError(cause))
  })
  child.on('exit', () => listener.ended(troubleOf(paths)))
  if (child.pid === undefined) return undefined
  handOver(child, order, listener)
  return { pid: child.pid, startTicks: statOf(child.pid)?.startTicks ?? 0 }
}

/** No more than a guard needs: what the agent was given, secrets among it, stays out of sight. */
function guardEnvironment(environment: Surroundings['environment']): Record<string, string> {
  const names = ['NODE_COMPILE_CACHE', 'LD_LIBRARY_PATH']
  const handed = Object.entries(environment).filter(([name]) => names.includes(name))
  // One thread is enough to write one log.
  return { UV_THREADPOOL_SIZE: '1', ...Object.fromEntries(handed) }
}

function withTroubleFile(
  paths: GuardPaths,
  start: (trouble: number) => ChildProcess,
): ChildProcess {
  const trouble = openSync(paths.trouble, 'w', 0o600)
  try {
    return start(trouble)
  } finally {
    closeSync(trouble)
  }
}

function handOver(child: ChildProcess, order: GuardOrder, listener: GuardListener): void {
  // A guard that dies early breaks these pipes; its exit tells more.
  for (const pipe of [child.stdin, child.stdout]) pipe?.on('error', () => undefined)
  child.stdin?.end(JSON.stringify(order))
  child.stdout?.once('data', () => {
    child.stdout?.destroy()
    listener.ready()
  })
}

/** What a guard said last, in one line: the message of an error that ended it, if there is one. */
export function troubleOf(paths: GuardPaths): string {
  try {
    const lines = readFileSync(paths.trouble, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
    return (lines.find((line) => /Error:/.test(line)) ?? lines[0] ?? 'it said nothing').trim()
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return 'it said nothing'
    throw thrown
  }
}
