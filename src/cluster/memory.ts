// What one machine remembers of its cluster while it cannot ask: the last documents that it has
// seen. Written whole or not at all.

import { readWhole, writeWhole } from '../control/whole-file.ts'
import { Fault } from '../foundation/fault.ts'
import type { InForce } from './applied.ts'
import { noOrders } from './codecs.ts'
import type { Orders, Placement } from './model.ts'

/** The last that was seen of each document. */
export interface ClusterMemory {
  readonly applied: InForce | undefined
  /** The version that the file on this machine's disk follows. */
  readonly base: number | undefined
  readonly placement: Placement | undefined
  readonly orders: Orders
  /** How far the counted orders were followed here; undefined before any were seen. */
  readonly done: Readonly<Record<string, number>> | undefined
  /** The serial of the last report of this machine. */
  readonly serial: number
}

export const nothingSeen: ClusterMemory = {
  applied: undefined,
  base: undefined,
  placement: undefined,
  orders: noOrders,
  done: undefined,
  serial: 0,
}

/** Keeps it between two lives of the agent. */
export interface ClusterStore {
  load(): ClusterMemory
  save(memory: ClusterMemory): void
}

const format = 1

/** Keeps it in a file that this user alone can read. */
export function openClusterStore(path: string): ClusterStore {
  return {
    load() {
      const text = readWhole(path)
      return text === undefined ? nothingSeen : parseMemory(text, path)
    },
    save: (memory) => writeWhole(path, JSON.stringify({ format, memory })),
  }
}

/** Reads what was kept. Throws a Fault for anything that this version does not understand. */
export function parseMemory(text: string, path: string): ClusterMemory {
  const remedy = `move ${path} away: the cluster is then asked anew`
  let kept: { readonly format?: unknown; readonly memory?: unknown }
  try {
    kept = JSON.parse(text) as typeof kept
  } catch (cause) {
    throw new Fault('corrupt', `what is kept in ${path} is not readable`, { cause, remedy })
  }
  if (kept?.format !== format) {
    throw new Fault('incompatible', `${path} was written by another version`, { remedy })
  }
  if (typeof kept.memory !== 'object' || kept.memory === null) {
    throw new Fault('corrupt', `${path} holds nothing that can be remembered`, { remedy })
  }
  return { ...nothingSeen, ...kept.memory }
}
