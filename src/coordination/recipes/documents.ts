// Typed documents that several write: read, followed, and replaced only by who has seen the last
// version.

import { Fault } from '../../foundation/fault.ts'
import { type Coordinator, failedAt, isTransient, whyNot } from '../coordinator.ts'
import type { NodeChange, NodeCheck, Versioned } from '../model.ts'
import { follow } from './follow.ts'
import { persevere } from './persevere.ts'

/** How values of a kind stand in a node. */
export interface Codec<T> {
  /** Throws when the bytes are no such value. */
  parse(data: Buffer): T
  format(value: T): string
}

/** Values as JSON; `check` narrows what was parsed, and throws when it is something else. */
export const json = <T>(check: (value: unknown) => T): Codec<T> => ({
  parse: (data) => check(JSON.parse(data.toString('utf8'))),
  format: (value) => JSON.stringify(value),
})

/** One document. */
export interface Document<T> {
  readonly path: string
  /** Its value; undefined if there is none. Rejects with a Fault `corrupt` if it is no value. */
  read(signal?: AbortSignal): Promise<Versioned<T> | undefined>
  /** Its value now and after every change; ends as `follow` does. */
  follow(signal: AbortSignal): AsyncGenerator<Versioned<T> | undefined, never>
  /**
   * Replaces the value of this version, or makes the document if `version` is undefined; returns
   * the new version. With guards only while they hold too. Fails with `version`, `exists` or
   * `missing` (see `whyNot`) when somebody else was faster.
   */
  replace(
    value: T,
    version: number | undefined,
    guards?: readonly NodeCheck[],
    signal?: AbortSignal,
  ): Promise<number>
  /**
   * Replaces the value by what `change` makes of it, as often as somebody else is faster. `change`
   * must not do anything but compute. Fails with `unknown` only if the connection was lost and it
   * cannot be seen any more whether this change was made.
   */
  update(
    change: (before: T | undefined) => T,
    guards?: readonly NodeCheck[],
    signal?: AbortSignal,
  ): Promise<Versioned<T>>
}

/** A document at a path whose parent is there. */
export function openDocument<T>(
  coordinator: Coordinator,
  path: string,
  codec: Codec<T>,
): Document<T> {
  const read = async (signal?: AbortSignal): Promise<Versioned<T> | undefined> => {
    const node = await coordinator.read(path, signal)
    if (node === undefined) return undefined
    try {
      return { value: codec.parse(node.data), version: node.version }
    } catch (cause) {
      throw new Fault('corrupt', `the document ${path} cannot be read`, { cause })
    }
  }
  const write = async (
    data: string,
    version: number | undefined,
    guards: readonly NodeCheck[],
    signal?: AbortSignal,
  ): Promise<number> => {
    const change: NodeChange =
      version === undefined ? { kind: 'create', path, data } : { kind: 'set', path, data, version }
    await coordinator.write([...guards, change], signal)
    return version === undefined ? 0 : version + 1
  }

  /** After a write whose answer was lost: its version if it was made, undefined if it was not. */
  const recall = async (
    data: string,
    version: number | undefined,
    lost: unknown,
    signal?: AbortSignal,
  ): Promise<number | undefined> => {
    // Whatever the lost connection still carried is done before a sync on the next one.
    await persevere(() => coordinator.sync(signal))
    const node = await persevere(() => coordinator.read(path, signal))
    const made = version === undefined ? 0 : version + 1
    const now = node?.version ?? -1
    if (now === made && node?.data.toString('utf8') === data) return made
    // Somebody else's write in that place, or none yet, proves that ours was not made.
    if (node === undefined ? version === undefined : now <= made) return undefined
    throw lost
  }

  return {
    path,
    read,
    follow: (signal) => follow(coordinator, { path, deep: false, look: read }, signal),
    replace: (value, version, guards = [], signal) =>
      write(codec.format(value), version, guards, signal),
    async update(change, guards = [], signal) {
      for (;;) {
        const before = await persevere(() => read(signal))
        const value = change(before?.value)
        const data = codec.format(value)
        try {
          return { value, version: await write(data, before?.version, guards, signal) }
        } catch (thrown) {
          const why = whyNot(thrown)
          if (why === 'unknown') {
            const version = await recall(data, before?.version, thrown, signal)
            if (version !== undefined) return { value, version }
          } else if (!isTransient(thrown) && !isOvertaken(thrown, before?.version, guards)) {
            throw thrown
          }
        }
      }
    },
  }
}

/** Whether a write failed because the document, not a guard, is no longer what was read. */
function isOvertaken(
  thrown: unknown,
  version: number | undefined,
  guards: readonly NodeCheck[],
): boolean {
  if (failedAt(thrown) !== guards.length) return false
  const why = whyNot(thrown)
  // A new document misses its parent, and that does not pass by trying.
  return version === undefined ? why === 'exists' : why === 'version' || why === 'missing'
}
