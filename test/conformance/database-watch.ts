// What a test of database members asks and waits for.

import assert from 'node:assert/strict'
import type { Position } from '../../src/databases/model.ts'
import { comparePositions } from '../../src/databases/position.ts'
import { until } from '../engines/waiting.ts'
import { patience, type Scene } from './database-scene.ts'

/** Work under way: whether it has come to an end, and which. */
export interface Pending {
  readonly done: () => boolean
  readonly outcome: Promise<unknown>
}

/** Starts to watch work that may wait for long. */
export function pending(work: Promise<unknown>): Pending {
  let isDone = false
  const outcome = work.finally(() => {
    isDone = true
  })
  // It may fail when its server is ended, long before anybody asks what became of it.
  outcome.catch(() => {})
  return { done: () => isDone, outcome }
}

/** A row of the tests' table. */
export const insert = (id: number): string => `INSERT INTO entries VALUES (${id}, 'entry ${id}')`

/** Positive if `a` is further than `b`; both have to be known. */
export const ahead = (a: Position | undefined, b: Position | undefined): number => {
  assert.ok(a !== undefined && b !== undefined, 'a position is not known')
  return comparePositions(a, b)
}

/** What a member says that it has; it has to say it. */
export const received = async (scene: Scene, name: string): Promise<Position> => {
  const { received: position } = await scene.look(name)
  assert.ok(position !== undefined, `${name} does not say what it has received`)
  return position
}

/** Resolves once `name` has everything that `primary` has. */
export const caughtUp = (scene: Scene, name: string, primary: string): Promise<void> =>
  until(
    `${name} has all that ${primary} has`,
    async () => {
      const [mine, theirs] = [await scene.look(name), await scene.look(primary)]
      return ahead(mine.received, theirs.received) >= 0
    },
    patience,
  )

/** Resolves once the primary has something that these do not confirm to have. */
export const isAhead = (
  scene: Scene,
  primary: string,
  ...names: readonly string[]
): Promise<void> =>
  until(
    `${primary} has more than ${names.join(' and ')} confirm`,
    async () => {
      const { received: mine, receivers } = await scene.look(primary)
      return names.every((name) => {
        const theirs = receivers[name]
        return theirs === undefined || ahead(mine, theirs) > 0
      })
    },
    patience,
  )
