// Always On, run as its users run it: by its command line, with a state folder of its own.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Status } from '../../src/agent/model.ts'
import { cleansUp, isClean } from './cleanup.ts'
import { signalPid, treeOf, until } from './processes.ts'

const run = promisify(execFile)

/** The project that is measured, unless a clone of it is. */
export const projectRoot = join(import.meta.dirname, '..', '..')

/** One file, kept up with the state in one folder. */
export interface Cli {
  /** Runs a verb and returns what it wrote; throws with what it complained about. */
  say(...args: readonly string[]): Promise<string>
  status(): Promise<Status>
  /** Ends all of it, what does not end by itself by SIGKILL. */
  end(): Promise<void>
}

/** The command line of the project in `root`, for `file`, with its state in `state`. */
export function openCli(
  file: string,
  state: string,
  more: { readonly root?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Cli {
  const launcher = join(more.root ?? projectRoot, 'bin', 'alwayson.js')
  const say = async (...args: readonly string[]): Promise<string> => {
    if (args[0] === 'up') cleansUp(ending)
    const all = [launcher, '--file', file, '--state', state, ...args]
    const env = { ...process.env, ...more.env }
    // The status of thousands of servers is long.
    const options = { env, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 }
    const { stdout } = await run(process.execPath, all, options)
    return stdout
  }
  const status = async (): Promise<Status> => JSON.parse(await say('status', '--json')) as Status
  const cli: Cli = {
    say,
    status,
    async end() {
      const pids = await status().then(pidsOf, () => [])
      await say('down').catch(() => {})
      const left = (): readonly number[] => pids.filter((pid) => isThere(pid))
      await until('everything has ended', () => left().length === 0, 5000).catch(() => {})
      for (const pid of left()) signalPid(pid, 'SIGKILL')
      isClean(ending)
    },
  }
  const ending: AsyncDisposable = { [Symbol.asyncDispose]: () => cli.end() }
  return cli
}

/** The agent, the edges, and all that descend from them. */
export const pidsOf = (status: Status): readonly number[] => {
  const roots = [status.agent.pid, ...status.edges.map((edge) => edge.pid)]
  const replicas = status.services
    .flatMap((service) => service.servers)
    .map((server) => server.process?.pid)
    .filter((pid) => pid !== undefined)
  return [...new Set([...roots, ...replicas].flatMap(treeOf))]
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
