// Runs the replica's process: starts it in a group of its own, with pipes for what it says, signals
// it, and finds what it leaves behind. Knows neither back-off nor logs.

import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { familyOf, type Relative } from '../../control/leftovers.ts'
import { type ProcessIdentity, signalProcess, statOf } from '../../control/processes.ts'
import { systemCode } from '../../foundation/fault.ts'
import type { Exit } from '../model.ts'
import { describeRefusal, type Launch, obstacleOf } from './launch.ts'
import { openPipes } from './pipes.ts'

/** A run that has begun. */
export interface Run {
  readonly process: ProcessIdentity
  readonly stdout: Readable
  readonly stderr: Readable
}

/** The port through which a guard touches its replica. */
export interface Runner {
  /**
   * Starts a run; `undefined` if it cannot. In both cases `ended` is called once, later: never
   * from within this call.
   */
  start(ended: (exit: Exit) => void): Run | undefined
  /** To the leader, its group, and what has left the group. */
  signal(signal: NodeJS.Signals): void
  /** SIGKILL to all that is left of any run. */
  kill(): void
  /** Whether anything but the leader of the present run is alive. */
  hasLeftovers(): boolean
}

/** A runner of real processes. Pipes are made at `path` with an ending, and gone at once. */
export function openRunner(launch: Launch, mark: string, path: string): Runner {
  let leader: ProcessIdentity | undefined
  let living = false
  const family = (): readonly Relative[] => familyOf({ leader, mark })
  return {
    start(ended) {
      const refuse = (reason: string): undefined =>
        void queueMicrotask(() => ended({ kind: 'unstartable', reason }))
      const obstacle = obstacleOf(launch)
      if (obstacle !== undefined) return refuse(obstacle)
      try {
        const { child, stdout, stderr } = begin(launch, path)
        if (child.pid === undefined) {
          child.on('error', (cause) => refuse(describeRefusal(launch, systemCode(cause))))
          return undefined
        }
        leader = { pid: child.pid, startTicks: statOf(child.pid)?.startTicks ?? 0 }
        living = true
        child.on('exit', (code, signal) => {
          living = false
          ended(code === null ? { kind: 'signal', signal: signal ?? '' } : { kind: 'code', code })
        })
        return { process: leader, stdout, stderr }
      } catch (thrown) {
        return refuse(describeRefusal(launch, systemCode(thrown)))
      }
    },
    signal(signal) {
      const members = family()
      // One call for the group also reaches what is being forked at this moment.
      const group = living && leader !== undefined ? leader : undefined
      if (group !== undefined) signalProcess(group, signal, true)
      for (const one of members) if (one.group !== group?.pid) signalProcess(one, signal)
    },
    kill() {
      for (const one of family()) signalProcess(one, 'SIGKILL')
    },
    hasLeftovers: () => family().some((one) => !(living && one.pid === leader?.pid)),
  }
}

interface Begun {
  readonly child: ChildProcess
  readonly stdout: Readable
  readonly stderr: Readable
}

/** Throws what the system refuses at once; the rest is told by the child's `error` event. */
function begin(launch: Launch, path: string): Begun {
  using pipes = openPipes(path)
  const options = { cwd: launch.cwd, env: launch.env, detached: true }
  if (pipes === undefined) {
    const child = spawn(launch.program, launch.args, {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return { child, stdout: child.stdout, stderr: child.stderr }
  }
  const [stdout, stderr] = pipes
  try {
    const stdio = ['ignore' as const, stdout.writeEnd, stderr.writeEnd]
    const child = spawn(launch.program, launch.args, { ...options, stdio })
    return { child, stdout: stdout.reader, stderr: stderr.reader }
  } catch (thrown) {
    stdout.reader.destroy()
    stderr.reader.destroy()
    throw thrown
  }
}
