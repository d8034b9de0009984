// What have earlier agents left in the folder of the guards, and whose is it?

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { isAnyAlive } from '../../../control/leftovers.ts'
import { openLink } from '../../../control/link.ts'
import { bootId, isAlive } from '../../../control/processes.ts'
import { Fault, systemCode } from '../../../foundation/fault.ts'
import type { Clock, Milliseconds } from '../../../foundation/time.ts'
import { markOf } from '../../guard/launch.ts'
import { type GuardMessage, type GuardRecord, recordFormat } from '../../guard/protocol.ts'
import { guardPaths, guardsFolder, isStatus, readRecord } from '../../guard/record.ts'

/** One file in the folder, and what it is worth. */
export type Finding =
  /** Its guard lives, or something of its replica does. */
  | { readonly kind: 'record'; readonly id: string; readonly record: GuardRecord }
  /** Nothing of it is alive. */
  | { readonly kind: 'stale'; readonly id: string }
  | { readonly kind: 'unreadable'; readonly id: string; readonly fault: Fault }

/** Looks at every record. Throws a Fault if the folder cannot be read. */
export function findRecords(state: string): readonly Finding[] {
  const folder = guardsFolder(state)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
    return names.map((name) => judge(state, name.slice(0, -'.json'.length)))
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('failed', `cannot read the folder of the guards, ${folder}`, {
      cause,
      remedy: 'let this user own the state folder, or name another: --state DIR',
    })
  }
}

/** Looks at the record of `id`; one that is gone meanwhile is stale. */
function judge(state: string, id: string): Finding {
  try {
    const record = readRecord(guardPaths(state, id).record)
    return record.boot === bootId() && isAnythingAlive(record)
      ? { kind: 'record', id, record }
      : { kind: 'stale', id }
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return { kind: 'stale', id }
    if (!(thrown instanceof Fault)) throw thrown
    return { kind: 'unreadable', id, fault: thrown }
  }
}

const isAnythingAlive = ({ guard, status }: GuardRecord): boolean =>
  isAlive(guard) || isAnyAlive({ leader: status.child, mark: markOf(guard) })

/** Removes what a guard has left on disk, but for its log. */
export function removeRecord(state: string, id: string): void {
  const { record, socket, trouble } = guardPaths(state, id)
  for (const path of [socket, trouble, record]) rmSync(path, { force: true })
}

/**
 * Makes way for a new guard of this name. A record that cannot be read is set aside, never
 * removed; one of a living guard is returned: the name is taken.
 */
export function clearWay(
  state: string,
  id: string,
  setAside: (from: string, to: string) => void,
): GuardRecord | undefined {
  const { record: path } = guardPaths(state, id)
  if (!existsSync(path)) return undefined
  const found = judge(state, id)
  if (found.kind === 'record') return found.record
  if (found.kind === 'unreadable') {
    renameSync(path, `${path}.unreadable`)
    setAside(path, `${path}.unreadable`)
  }
  removeRecord(state, id)
  return undefined
}

/**
 * Asks at the socket of a guard whose record cannot be read who it is; `undefined` if nobody
 * answers in time.
 */
export function knock(
  state: string,
  id: string,
  within: Milliseconds,
  clock: Clock,
): Promise<GuardRecord | undefined> {
  return new Promise((resolve) => {
    const timer = clock.after(within, () => resolve(undefined))
    const answer = (record: GuardRecord | undefined): void => {
      timer[Symbol.dispose]()
      resolve(record)
    }
    openLink<never, GuardMessage>(guardPaths(state, id).socket, {
      message: (message) => {
        if (message.kind !== 'hello' || !isStatus(message.status)) return
        const { guard, version, status } = message
        const stopSignal = 'SIGTERM'
        answer({ format: recordFormat, boot: bootId(), version, guard, stopSignal, status })
      },
      ended: () => answer(undefined),
    }).then(
      (link) => void clock.after(within, () => link.close()),
      () => answer(undefined),
    )
  })
}
