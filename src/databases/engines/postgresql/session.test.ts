// What is left of a connection whose question nobody waits for any more?

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Session } from './session.ts'

test('opens none where it has been given up before', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'session-'))
  const path = join(folder, '.s.PGSQL.5432')
  let opened = 0
  const server = createServer((socket) => {
    opened += 1
    socket.on('error', () => {})
    socket.destroy()
  })
  try {
    server.listen(path)
    await once(server, 'listening')
    const account = { user: 'us', password: 'word' }
    const door = { host: folder, port: 5432, account, database: 'postgres' }
    await assert.rejects(Session.open(door, AbortSignal.abort()), { code: 'timed-out' })
    // Those before this one have come by then.
    await once(connect(path), 'close')
    assert.equal(opened, 1)
  } finally {
    server.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
