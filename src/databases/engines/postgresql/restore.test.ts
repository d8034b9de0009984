// When has a server that is restored applied all that lies on its disk?

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isAtEnd } from './restore.ts'
import type { Server } from './server.ts'
import type { Row, Session } from './session.ts'

/** Whether one is at its end that says, one after the other, that it is on these timelines. */
async function isSaid(...lines: readonly number[]): Promise<boolean> {
  const wal = mkdtempSync(join(tmpdir(), 'restore-'))
  const left = [...lines]
  const row = async (text: string): Promise<Row> =>
    text === 'IDENTIFY_SYSTEM' ? { timeline: left.shift() } : { applied: '0/3000100' }
  const server = { wal, segmentBytes: async () => 1024 * 1024 }
  try {
    const session = { row } as unknown as Session
    return await isAtEnd(server as unknown as Server, session, AbortSignal.timeout(10_000))
  } finally {
    rmSync(wal, { recursive: true, force: true })
  }
}

test('not while it goes over to another timeline', async () => {
  assert.equal(await isSaid(2, 2), true)
  assert.equal(await isSaid(1, 2), false)
})
