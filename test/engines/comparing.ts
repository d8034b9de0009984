// Compares the two members of a scene, as `alwayson verify` does.

import { compareMembers } from '../../src/databases/compare/compare.ts'
import type { OpenReader } from '../../src/databases/compare/engine.ts'
import type { Comparison } from '../../src/databases/compare/model.ts'
import type { DatabaseAccounts } from '../../src/databases/engine.ts'
import { type Instant, openClock } from '../../src/foundation/time.ts'
import { accounts, type Scene, soon } from '../conformance/database-scene.ts'

/** Reads m1 as the primary and m2 as its replica, by one engine's readers. */
export function comparing(
  open: (accounts: DatabaseAccounts, now: () => Instant) => OpenReader,
): (scene: Scene) => Promise<Comparison> {
  const clock = openClock()
  return async (scene) => {
    const read = open(accounts, () => clock.now())
    const reader = (name: string) => read(scene.seat(name).options.address, soon())
    using primary = await reader('m1')
    using replica = await reader('m2')
    const members = [{ name: 'm2', reader: replica }]
    const more = { only: undefined, progress: () => {} }
    return await compareMembers({ clock, primary, members, ...more }, soon())
  }
}
