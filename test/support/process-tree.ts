// Which processes has this one started, and they in turn? Read from /proc; signals all of them.

import { readdirSync, readFileSync } from 'node:fs'
import { identify, type ProcessIdentity, signalProcess } from '../../src/control/processes.ts'

/** The parent of a process: the second field after its name (proc(5)). */
function parentOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    // It ended between two looks.
    return undefined
  }
}

/** The living process `root` and all that descend from it, the root first. */
export function treeOf(root: number): readonly ProcessIdentity[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
  const parents = new Map(pids.map((pid) => [pid, parentOf(pid)]))
  const tree = [root]
  for (const one of tree) {
    for (const [pid, parent] of parents) if (parent === one) tree.push(pid)
  }
  return tree.flatMap((pid) => identify(pid) ?? [])
}

/** Sends a signal to a process and to all that descend from it, the root first. */
export function signalTree(root: number, signal: NodeJS.Signals): readonly ProcessIdentity[] {
  const tree = treeOf(root)
  for (const one of tree) signalProcess(one, signal)
  return tree
}
