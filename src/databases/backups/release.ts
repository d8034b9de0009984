// Who has a primary keep no log for backups any more, once the file asks for none? What is kept for
// nobody would fill its disk.

import { describeError } from '../../foundation/fault.ts'
import { type Clock, ms, sleep } from '../../foundation/time.ts'
import type { DatabaseView } from '../model.ts'
import type { BackupEngine } from './engine.ts'
import { servingMember } from './places.ts'

/** What it stands on. */
export interface ReleaseOptions {
  readonly engine: Pick<BackupEngine, 'release'>
  readonly clock: Clock
  readonly view: () => DatabaseView
  readonly event: (rule: string, why: string) => void
}

/** By then whoever made backups on another machine has heard as well that there are none. */
const releaseEvery = ms(5000)

/** Resolves when the primary keeps nothing, or the signal ends it; says once what is in the way. */
export async function releaseLog(options: ReleaseOptions, signal: AbortSignal): Promise<void> {
  const { engine, clock, view, event } = options
  let trouble = ''
  for (let isReleased = false; !isReleased; ) {
    await sleep(clock, releaseEvery, signal).catch(() => {})
    if (signal.aborted) return
    const { plan } = view()
    const primary = servingMember(view())
    const member = plan.members.find(({ name }) => name === primary)
    if (member === undefined) continue
    try {
      const { name, host, port } = member
      isReleased = await engine.release({ member: name, host, port }, signal)
    } catch (thrown) {
      if (signal.aborted) return
      const why = describeError(thrown)
      if (why !== trouble) event('log-not-released', why)
      trouble = why
    }
  }
}
