// The embedded server keeps its word over SIGKILL. A short run: the long one is
// `npm run crash:coordination`.

import assert from 'node:assert/strict'
import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { crash } from './coordination.ts'

test('loses nothing that it acknowledged, and invents nothing, when it is killed', async () => {
  const { broken, acknowledged, snapshotAt } = await crash(20, 1)
  assert.deepEqual(broken, [])
  assert.ok(acknowledged > 1000, `only ${acknowledged} writes were acknowledged`)
  assert.ok(snapshotAt > 0, 'no kill ever met a snapshot')
})

test('a log that lost its end is found out', async () => {
  // The harm that no server can see: the end of the newest log that holds anything is gone.
  const cutNewest = (folder: string): void => {
    const logs = readdirSync(folder).filter((name) => name.startsWith('log.'))
    const newest = logs.toSorted().at(-1)
    if (newest === undefined) return
    const path = join(folder, newest)
    truncateSync(path, Math.min(statSync(path).size, 24))
  }
  const outcome = crash(5, 2, cutNewest)
  await outcome.then(
    ({ broken }) => assert.notDeepEqual(broken, []),
    (thrown: Error) => assert.match(thrown.message, /damaged|missing/),
  )
})
