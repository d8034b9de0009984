// Whether a server should be started anew is asked of what is so now: also where that changes while
// it is being asked.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { instant, openClock } from '../foundation/time.ts'
import type { MemberEngine, Refreshed } from './engine.ts'
import { nothingPromised } from './memory.ts'
import { RestartWatch } from './restart-watch.ts'

const running = { kind: 'running', pid: 7, since: instant(1) } as const

test('a review while it is being asked has it asked again', async () => {
  const answers: ((refreshed: Refreshed) => void)[] = []
  const engine = {
    refresh: () => new Promise<Refreshed>((resolve) => answers.push(resolve)),
  } as Partial<MemberEngine> as MemberEngine
  const watch = new RestartWatch(
    { member: 'orders-1', engine, clock: openClock() },
    new AbortController().signal,
  )
  const look = () => watch.see(running, undefined, nothingPromised, 'primary')
  look()
  watch.review()
  answers[0]?.({ outdated: undefined, refused: undefined })
  await turn()
  assert.equal(watch.inReview, true)
  look()
  answers[1]?.({ outdated: 'other programs', refused: undefined })
  await turn()
  assert.equal(watch.inReview, false)
  assert.equal(watch.outdated, 'other programs')
})
