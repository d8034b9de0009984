// Which of the machines that the file names is this one? As it was told, as its keys say, or as the
// machine calls itself.

import { hostname, networkInterfaces } from 'node:os'
import type { Machine } from '../coordination/model.ts'
import { Fault } from '../foundation/fault.ts'
import type { Spec } from '../spec/model.ts'

/** What tells a machine who it is, the surest first. */
export interface WhoAmI {
  /** What `--machine` says. */
  readonly told: string | undefined
  /** The machine that the keys were made for. */
  readonly keys: string | undefined
}

/** Whether the file is for several machines, so that they have to agree. */
export const isCluster = ({ machines, coordination }: Spec): boolean =>
  Object.keys(machines).length > 0 && coordination.kind !== 'embedded'

/** This machine; throws a Fault if the file does not name it, or it cannot be told which it is. */
export function whichMachine({ machines }: Spec, { told, keys }: WhoAmI): Machine {
  const names = Object.keys(machines).join(', ')
  const surely = told ?? keys
  if (told !== undefined && keys !== undefined && told !== keys) {
    throw new Fault('bad-usage', `the keys here are of machine ${keys}, not of ${told}`, {
      remedy: `leave out --machine, or put the keys of ${told} here`,
    })
  }
  if (surely !== undefined) {
    const machine = machines[surely]
    if (machine !== undefined) return machine
    throw new Fault('not-found', `the file names no machine ${surely}`, {
      remedy: `it names ${names}`,
    })
  }
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
  const addresses = new Set(own.map(({ address }) => address))
  const name = hostname().split('.')[0]?.toLowerCase() ?? ''
  const found =
    machines[name] ?? Object.values(machines).find(({ address }) => addresses.has(address))
  if (found !== undefined) return found
  throw new Fault('bad-usage', `it is not known which of the machines ${names} this one is`, {
    remedy: 'say so: alwayson up --machine NAME',
  })
}
