// Runs the process of one database server: starts it so that it cannot outlive its guard, keeps
// what it says, and ends all of it.

import { type ChildProcess, spawn } from 'node:child_process'
import {
  descendantsOf,
  type ProcessIdentity,
  signalProcess,
  statOf,
  tied,
} from '../../control/processes.ts'
import { systemCode } from '../../foundation/fault.ts'
import type { ServerLaunch } from '../host.ts'
import { KeptLog } from './kept-log.ts'

/** A server that was started. */
export interface RunningServer {
  readonly identity: ProcessIdentity
  signal(signal: NodeJS.Signals): void
  /** SIGKILL to it and to all that it has started. */
  kill(): void
  /** Keeps its log from growing without end; see `KeptLog.shorten`. */
  shortenLog(): Promise<void>
}

/**
 * Starts a server; `ended` is called once, later. Throws what the system says where none can be
 * started.
 */
export function startServer(
  launch: ServerLaunch,
  ended: (why: string, last: string) => void,
): RunningServer {
  using opened = new DisposableStack()
  const log = opened.use(new KeptLog(launch.log))
  const child = begin(launch, log.descriptor)
  const { pid } = child
  child.on('error', (cause) => {
    if (pid === undefined) ended(`cannot be started: ${systemCode(cause) ?? cause}`, '')
  })
  if (pid === undefined) throw new Error(`${launch.argv[0]} cannot be started`)
  const identity = { pid, startTicks: statOf(pid)?.startTicks ?? 0 }
  const kept = opened.move()
  child.on('exit', (code, signal) => {
    using _ = kept
    const why = code === null ? `ended by ${signal}` : `ended with code ${code}`
    ended(why, log.lastWords())
  })
  return {
    identity,
    signal: (signal) => void signalProcess(identity, signal),
    kill: () => killAll(identity),
    shortenLog: () => log.shorten(),
  }
}

function begin({ argv, cwd, env, uid, gid }: ServerLaunch, log: number): ChildProcess {
  const options = { cwd, env, detached: true, stdio: ['ignore' as const, log, log] }
  // An unguarded primary could not be told that its time is over.
  const [program = '', ...args] = tied(argv, uid === undefined ? undefined : { uid, gid })
  return spawn(program, args, options)
}

/** Ends a server whose guard may be gone: itself first, so that it starts nothing anew. */
export function killAll(server: ProcessIdentity): void {
  const below =
    statOf(server.pid)?.startTicks === server.startTicks ? descendantsOf(server.pid) : []
  signalProcess(server, 'SIGKILL')
  for (const one of below) signalProcess(one, 'SIGKILL')
}
