// `alwayson down`: end everything in order, also what an agent that is dead left running.

import type { StatePaths } from '../agent/paths.ts'
import type { Swept } from '../agent/sweep.ts'
import { Fault } from '../foundation/fault.ts'
import { ms, sleep } from '../foundation/time.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { openProgress, type Progress } from './progress.ts'
import { counted } from './view/words.ts'

/** What `down` may be told. */
export interface DownOptions {
  /** The agent alone: edges and replicas go on. */
  readonly agentOnly?: boolean
  /** Every machine that the file names. */
  readonly everywhere?: boolean
}

/** What `down` needs of the machine beside its ports. */
export interface DownMachine {
  /** Tells of the agent that is this process whether it is still there, holding the file or not. */
  watch(pid: number): () => Promise<boolean>
  /** Ends what a dead agent left running. */
  sweep(): Promise<Swept>
}

const lookEvery = ms(50)

/** Ends the agent and, unless `agentOnly`, all that it keeps up; resolves when it is over. */
export async function down(
  ports: Ports,
  paths: Pick<StatePaths, 'folder'>,
  machine: DownMachine,
  { agentOnly = false, everywhere = false }: DownOptions,
): Promise<ExitCode> {
  using progress = openProgress(ports.err)
  let isThere: () => Promise<boolean>
  try {
    const { agent } = await ports.agent.ask('/status', {}, ports.interrupted)
    isThere = machine.watch(agent.pid)
    if (everywhere) await ports.agent.ask('/down-everywhere', {}, ports.interrupted)
    else await ports.agent.ask('/down', { leave: agentOnly }, ports.interrupted)
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code !== 'not-running' || agentOnly) throw thrown
    return sweepUp(ports, paths, machine, progress)
  }
  while (await isThere()) {
    if (!agentOnly) progress.show(await remaining(ports))
    await sleep(ports.clock, lookEvery, ports.interrupted)
  }
  progress[Symbol.dispose]()
  const left = 'the agent has ended; what it kept up goes on, and the next `alwayson up` adopts it'
  ports.out.write(`${agentOnly ? left : 'everything has ended'}\n`)
  return exit.done
}

async function sweepUp(
  ports: Ports,
  { folder }: Pick<StatePaths, 'folder'>,
  machine: DownMachine,
  progress: Progress,
): Promise<ExitCode> {
  progress.show('no agent answers: ending what it left running')
  const { replicas, members, edges, left, notes } = await machine.sweep()
  progress[Symbol.dispose]()
  for (const note of notes) ports.err.write(`${note}\n`)
  const servers = [...replicas, ...members]
  const ended = [
    ...(servers.length > 0 ? [servers.join(', ')] : []),
    ...(edges > 0 ? [counted(edges, 'edge')] : []),
  ]
  if (ended.length > 0) ports.out.write(`ended ${ended.join(' and ')}\n`)
  else if (left.length === 0) ports.out.write(`nothing runs that ${folder} knows of\n`)
  if (left.length === 0) return exit.done
  const names = left.map(({ member }) => member).join(', ')
  throw new Fault('failed', `${names} cannot be ended`, { cause: left[0]?.cause })
}

/** What is still to end, while the agent can say so. */
async function remaining(ports: Ports): Promise<string> {
  try {
    const status = await ports.agent.ask('/status', {}, ports.interrupted)
    const servers = status.services.flatMap((service) => service.servers)
    const active = servers.reduce((sum, server) => sum + server.active, 0)
    if (active > 0) return `ending: ${counted(active, 'request')} in flight`
    const replicas = servers.filter(({ process }) => process !== undefined)
    return `ending: ${counted(replicas.length, 'replica')} left`
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'not-running') return 'ending: the agent'
    throw thrown
  }
}
