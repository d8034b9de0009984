// Runs the process of one database server: starts it so that it cannot outlive its guard, keeps
// what it says in a file, and ends all of it.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import {
  descendantsOf,
  type ProcessIdentity,
  signalProcess,
  statOf,
} from '../../control/processes.ts'
import { systemCode } from '../../foundation/fault.ts'
import type { ServerLaunch } from '../host.ts'

/** A server that was started. */
export interface RunningServer {
  readonly identity: ProcessIdentity
  signal(signal: NodeJS.Signals): void
  /** SIGKILL to it and to all that it has started. */
  kill(): void
}

/** A log of more bytes than this is set aside before a server is started. */
const logBytesMost = 16 * 1024 * 1024

/** So much of the end of a log is read for a server's last words. */
const lastBytes = 4096

/** util-linux's, in Debian's base system: it ties a process to the life of its parent. */
const setpriv = '/usr/bin/setpriv'

/**
 * Starts a server; `ended` is called once, later. Throws what the system says where none can be
 * started.
 */
export function startServer(
  launch: ServerLaunch,
  ended: (why: string, last: string) => void,
): RunningServer {
  setAside(launch.log)
  const log = openSync(launch.log, 'a', 0o600)
  try {
    const child = begin(launch, log)
    const { pid } = child
    child.on('error', (cause) => {
      if (pid === undefined) ended(`cannot be started: ${systemCode(cause) ?? cause}`, '')
    })
    if (pid === undefined) throw new Error(`${launch.argv[0]} cannot be started`)
    const identity = { pid, startTicks: statOf(pid)?.startTicks ?? 0 }
    child.on('exit', (code, signal) => {
      const why = code === null ? `ended by ${signal}` : `ended with code ${code}`
      ended(why, lastWords(launch.log))
    })
    return {
      identity,
      signal: (signal) => void signalProcess(identity, signal),
      kill: () => killAll(identity),
    }
  } finally {
    closeSync(log)
  }
}

function begin({ argv, cwd, env, uid, gid }: ServerLaunch, log: number): ChildProcess {
  const options = { cwd, env, detached: true, stdio: ['ignore' as const, log, log] }
  const [program = '', ...args] = tied({ argv, uid, gid })
  return spawn(program, args, options)
}

/**
 * The command that gives up its rights and dies with its parent: an unguarded primary could not be
 * told that its time is over (prctl(2), PR_SET_PDEATHSIG).
 */
function tied({ argv, uid, gid }: Pick<ServerLaunch, 'argv' | 'uid' | 'gid'>): readonly string[] {
  const user =
    uid === undefined ? [] : [`--reuid=${uid}`, `--regid=${gid ?? uid}`, '--clear-groups']
  return [setpriv, '--pdeathsig=KILL', ...user, '--', ...argv]
}

/** Ends a server whose guard may be gone: itself first, so that it starts nothing anew. */
export function killAll(server: ProcessIdentity): void {
  const below =
    statOf(server.pid)?.startTicks === server.startTicks ? descendantsOf(server.pid) : []
  signalProcess(server, 'SIGKILL')
  for (const one of below) signalProcess(one, 'SIGKILL')
}

function setAside(log: string): void {
  try {
    if (statSync(log).size > logBytesMost) renameSync(log, `${log}.1`)
  } catch (thrown) {
    if (systemCode(thrown) !== 'ENOENT') throw thrown
  }
}

/** The last lines of a log, at most five. */
function lastWords(log: string): string {
  const file = openSync(log, 'r')
  try {
    const { size } = statSync(log)
    const bytes = Buffer.alloc(Math.min(size, lastBytes))
    readSync(file, bytes, 0, bytes.length, size - bytes.length)
    return bytes.toString('utf8').trimEnd().split('\n').slice(-5).join('\n')
  } finally {
    closeSync(file)
  }
}
