// Whoever waits for the listeners of an edge before it: what ends its waiting.

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Clock, instant, ms } from '../../../../foundation/time.ts'
import { RawTransport } from '../transport/raw.ts'
import { receiveListeners } from './hand-over.ts'

/** Time stands still: nobody's patience ends. */
const still: Clock = {
  now: () => instant(0),
  after: () => ({ [Symbol.dispose]: () => undefined }),
}

test('a visitor who gives nothing ends the waiting for listeners', async () => {
  using stack = new DisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'ao-hand-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'hand')
  const { bindings } = new RawTransport((thrown) => assert.ifError(thrown))
  const taken = receiveListeners(bindings, still, path, async () => undefined, ms(1))
  assert.ok(existsSync(path))
  const visit = connect(path, () => visit.destroy())
  assert.equal(await taken, 0)
  assert.ok(!existsSync(path), 'who waits no more is not to be found')
})
