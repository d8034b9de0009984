// Which words of its log say that a replica can never follow?

import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DivergenceWatch } from './divergence.ts'
import type { Server } from './server.ts'

const upstream = { member: 'm1', host: '127.0.0.1', port: 1 }
const position = { line: 1, at: 100 }
const gone = 'ERROR:  requested WAL segment 000000010000000000000002 has already been removed\n'

/** A server of which nothing is known but its log. */
function withLog(run: (server: Server, path: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'divergence-'))
  const path = join(folder, 'server.log')
  try {
    run({ log: { path }, options: {} } as unknown as Server, path)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('none that an agent before this one has read', () => {
  withLog((server, path) => {
    appendFileSync(path, gone)
    const watch = new DivergenceWatch(server)
    assert.equal(watch.check(upstream, position), false)
    appendFileSync(path, gone)
    assert.equal(watch.check(upstream, position), true)
  })
})

test('none that it said as primary, to who received from it', () => {
  withLog((server, path) => {
    const watch = new DivergenceWatch(server)
    watch.begin(upstream, false)
    watch.end()
    appendFileSync(path, gone)
    watch.begin(upstream, false)
    assert.equal(watch.check(upstream, position), false)
    appendFileSync(path, gone)
    // Told the same again, it goes on from what it knows.
    watch.begin(upstream, false)
    assert.equal(watch.check(upstream, position), true)
  })
})
