// A server as systemd keeps it on with Restart=always: what is left of it is killed, and 100 ms
// later it is started again.

import { setTimeout as pause } from 'node:timers/promises'
import { listens } from '../lib/origins.ts'
import {
  busiestOf,
  type Child,
  childrenOf,
  signalPid,
  start,
  treeOf,
  until,
} from '../lib/processes.ts'
import type { Balancer } from './balancer.ts'

/** systemd's RestartSec=, by default. */
const restartAfter = 100

/** A server under supervision. */
export interface Supervised extends AsyncDisposable {
  /** Its main process and all that descend from it, as of now. */
  pids(): readonly number[]
  main(): number
  signal(name: NodeJS.Signals): void
}

/** Starts `command` in the foreground and again whenever it ends, until it is disposed. */
export function supervise(command: string, args: readonly string[], log: string): Supervised {
  let child: Child = start(command, args, { log })
  let known: readonly number[] = []
  const over = new AbortController()
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted) {
      if (child.ended()) {
        for (const pid of known) signalPid(pid, 'SIGKILL')
        await pause(restartAfter)
        if (!over.signal.aborted) child = start(command, args, { log })
      } else {
        known = treeOf(child.pid)
        await pause(20)
      }
    }
  }
  const watching = watch()
  return {
    pids: () => treeOf(child.pid),
    main: () => child.pid,
    signal: (name) => child.signal(name),
    async [Symbol.asyncDispose]() {
      over.abort()
      await watching
      await child.stop('SIGTERM', 1000)
    },
  }
}

/** Kills its first process, or the one of its workers that does most, until it listens again. */
export function killsOf(
  server: Supervised,
  port: number,
): Pick<Balancer, 'killControl' | 'killData'> {
  const kill = async (pid: number): Promise<void> => {
    signalPid(pid, 'SIGKILL')
    await pause(200)
    await until('it listens again', () => listens(port))
  }
  return {
    killControl: () => kill(server.main()),
    async killData() {
      const worker = busiestOf(childrenOf(server.main()))
      if (worker === undefined) throw new Error('it has no worker')
      await kill(worker)
    },
  }
}
