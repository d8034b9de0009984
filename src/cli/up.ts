// `alwayson up`: this process becomes the agent of the file that is meant. The agent's modules are
// loaded here, so that no other verb waits for them.

import { type StatePaths, statePaths } from '../agent/paths.ts'
import { type ExitCode, exit } from './exit.ts'
import type { OwnAgent } from './foreground.ts'
import { findFile, type Whereabouts } from './locate.ts'
import type { Ports } from './ports.ts'
import { reportOf, tellParent } from './report.ts'

/** How `up` is run. */
export interface UpOptions {
  /** A parent process waits to hear how it went, and nobody reads what is written here. */
  readonly report: boolean
  /** Which of several machines this is, if it was told. */
  readonly machine?: string | undefined
}

/** Reads the file that is meant, becomes its agent, and is it until it ends. */
export async function up(
  ports: Ports,
  where: Whereabouts,
  { report, machine }: UpOptions,
): Promise<ExitCode> {
  // A terminal that is hung up must not take down what its user looks after.
  process.on('SIGHUP', () => {})
  const begun = ports.clock.now()
  try {
    const paths = statePaths(findFile(where), where.state)
    const agent = await open(ports, where, machine, paths)
    if (agent === undefined) return exit.bad
    const { background, foreground } = await import('./foreground.ts')
    if (!report) return await foreground(ports, agent, begun, paths.folder)
    await tellParent({ kind: 'ready', pid: process.pid })
    return await background(ports, agent)
  } catch (thrown) {
    if (report) await tellParent(reportOf(thrown))
    throw thrown
  }
}

async function open(
  ports: Ports,
  where: Whereabouts,
  machine: string | undefined,
  paths: StatePaths,
): Promise<OwnAgent | undefined> {
  const loading = import('../agent/agent.ts')
  const { readFile, parseApplied } = await import('./reading.ts')
  const file = await readFile(where)
  const { rightSpec } = await import('./check.ts')
  const spec = rightSpec(ports, file)
  if (spec === undefined) return undefined
  const { path, text, env } = file
  const { openAgent } = await loading
  const read = { spec, file: { path, text, env } }
  return openAgent({ paths, read, parse: parseApplied, machine })
}
