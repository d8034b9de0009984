// `alwayson machine drain` and `undrain`: have a machine run nothing, and its part again.

import type { Status } from '../agent/model.ts'
import type { Milliseconds } from '../foundation/time.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { type Judgement, settle } from './settle.ts'
import { counted } from './view/words.ts'

/** What `machine drain` may be told. */
export interface MachineOptions {
  /** Also the last one that could run anything. */
  readonly force?: boolean
  /** Until nothing runs on it. */
  readonly wait?: boolean
  readonly within?: Milliseconds
}

/** Moves everything away from a machine; with `wait` until nothing runs on it. */
export async function drainMachine(
  ports: Ports,
  machine: string,
  { force = false, wait = false, within }: MachineOptions,
): Promise<ExitCode> {
  await ports.agent.ask('/machine', { machine, verb: 'drain', force }, ports.interrupted)
  if (wait) return settle(ports, (status) => judgeEmpty(status, machine), within)
  const count = runningOn(await ports.agent.ask('/status', {}), machine)
  ports.out.write(`${machine} is drained; ${counted(count, 'replica')} run there still\n`)
  return exit.done
}

/** Lets a machine run its part again. */
export async function undrainMachine(ports: Ports, machine: string): Promise<ExitCode> {
  const ask = { machine, verb: 'undrain', force: false } as const
  await ports.agent.ask('/machine', ask, ports.interrupted)
  ports.out.write(`${machine} runs its part again\n`)
  return exit.done
}

/** How far the drain of a machine is. */
export function judgeEmpty(status: Status, machine: string): Judgement {
  const count = runningOn(status, machine)
  if (count > 0) return { kind: 'waiting', line: `${counted(count, 'replica')} left on ${machine}` }
  return { kind: 'done', line: `nothing runs on ${machine}: it can be taken down` }
}

const runningOn = ({ services }: Status, machine: string): number =>
  services.flatMap(({ servers }) => servers).filter((server) => server.machine === machine).length
