// What goes wrong during the soak, and when.

import { setTimeout as pause } from 'node:timers/promises'
import { signalPid } from '../../bench/lib/processes.ts'
import type { Stage } from './stage.ts'

/** Does harm, or work, to what runs; resolves when it is done. `patience` is in ms. */
export type SoakFault = (stage: Stage, patience: number) => Promise<void>

const kill =
  (service: string): SoakFault =>
  async (stage) => {
    const { process } = await stage.anyOf(service)
    signalPid(process?.pid as number, 'SIGKILL')
  }

const hang =
  (service: string): SoakFault =>
  async (stage, patience) => {
    const { process } = await stage.anyOf(service)
    signalPid(process?.pid as number, 'SIGSTOP')
    await pause(patience)
    // If it was killed meanwhile nobody else has its id yet: ids are used again much later.
    signalPid(process?.pid as number, 'SIGCONT')
  }

let notes = 0

/** By name, as they are shown. The edges are replaced by `upgrade`, one by one; none is killed. */
export const soakFaults = {
  'kill web': kill('web'),
  'hang api': hang('api'),
  deploy: (stage) => stage.verb('deploy', 'web'),
  async drain(stage, patience) {
    const { id } = await stage.anyOf('web')
    await stage.verb('drain', id)
    await pause(patience)
    await stage.verb('undrain', id)
  },
  async apply(stage, patience) {
    await stage.apply(4, `note ${notes}`)
    await pause(patience)
    await stage.steady()
    notes += 1
    await stage.apply(3, `note ${notes}`)
  },
  'kill api': kill('api'),
  'hang web': hang('web'),
  async restart(stage) {
    const { id } = await stage.anyOf('web')
    await stage.verb('restart', id)
  },
  'kill agent': (stage) => stage.killAgent(false),
  upgrade: (stage) => stage.killAgent(true),
} as const satisfies Record<string, SoakFault>

export type SoakFaultName = keyof typeof soakFaults

const usual = (Object.keys(soakFaults) as SoakFaultName[]).filter(
  (name) => name !== 'kill agent' && name !== 'upgrade',
)

/**
 * The fault of a turn, of so many. Agents and edges are exchanged early and at two thirds, so that
 * each lives long enough in between to show whether it grows.
 */
export function faultOf(turn: number, turns: number): SoakFaultName {
  const late = Math.max(6, Math.floor((turns * 2) / 3))
  if (turn === 2 || turn === late) return 'kill agent'
  if (turn === 4 || turn === late + 2) return 'upgrade'
  const before = [2, 4, late, late + 2].filter((other) => other < turn).length
  return usual[(turn - 1 - before) % usual.length] as SoakFaultName
}
