// How do all that are measured get the same from the scheduler? In one group of it.

import { accessSync, constants, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from './processes.ts'

/** Where groups are made, and the file that takes processes: of cgroup version 2, and of 1. */
const places = [
  { root: '/sys/fs/cgroup', file: 'cgroup.procs' },
  { root: '/sys/fs/cgroup/cpu', file: 'tasks' },
] as const

const name = `alwayson-bench-${process.pid}`

/** Until what was measured has ended. */
const patience = 15_000

function isPlace({ root, file }: (typeof places)[number]): boolean {
  try {
    accessSync(join(root, file), constants.W_OK)
    return (
      file === 'tasks' || readFileSync(join(root, 'cgroup.subtree_control'), 'utf8').includes('cpu')
    )
  } catch {
    return false
  }
}

/** Whether the scheduler shares by session (sched(7), autogroup) where there are no groups. */
function sharesBySession(): boolean {
  try {
    return readFileSync('/proc/sys/kernel/sched_autogroup_enabled', 'utf8').trim() === '1'
  } catch {
    return false
  }
}

/**
 * Puts this process, and whatever it starts from now on, into one group of the scheduler. Without
 * one, Linux shares the processors among sessions first: an edge, which is a session of its own,
 * gets as much as the load, the servers and a peer together, wakes up for each single request, and
 * costs more for each. Says what became of that; needs root.
 */
export function joinOneGroup(): { readonly why: string | undefined } & AsyncDisposable {
  const place = places.find(isPlace)
  if (place === undefined) {
    const why = sharesBySession()
      ? 'each session its own share of the processors: edges wake too often (root would mend that)'
      : undefined
    return { why, [Symbol.asyncDispose]: async () => undefined }
  }
  const group = join(place.root, name)
  mkdirSync(group)
  writeFileSync(join(group, place.file), String(process.pid))
  return {
    why: undefined,
    async [Symbol.asyncDispose]() {
      writeFileSync(join(place.root, place.file), String(process.pid))
      const isEmpty = (): boolean => readFileSync(join(group, place.file), 'utf8') === ''
      await until('all that was measured has ended', isEmpty, patience).catch(() => undefined)
      if (isEmpty()) rmdirSync(group)
    },
  }
}
