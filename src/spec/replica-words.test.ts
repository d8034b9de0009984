// Is each replica asked by its own name and port?

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunService } from './model.ts'
import { parseSpec } from './parse.ts'
import { checkFor } from './replica-words.ts'

function checkOf(text: string): RunService['check'] {
  const input = { file: '/a.yaml', env: {}, cores: 2, readFile: String }
  const parsed = parseSpec({ text: `services: { w: { run: x, check: ${text} } }`, ...input })
  return parsed.kind === 'spec' ? parsed.spec.services.w!.check : assert.fail()
}

const words = { port: 9001, host: '127.0.0.1', replica: 'w-2' }

test('a check names the replica that it asks', () => {
  const check = checkOf(
    '{ http: "/health/${replica}?at=${host}:${port}&x=$${y}", host: "${replica}.local" }',
  )
  const filled = checkFor(check, words)
  assert.equal(filled.kind === 'http' && filled.path, '/health/w-2?at=127.0.0.1:9001&x=${y}')
  assert.equal(filled.kind === 'http' && filled.host, 'w-2.local')
})

test('a check that names nothing stays the very same', () => {
  for (const text of ['/health', 'tcp', 'none']) {
    const check = checkOf(text)
    assert.equal(checkFor(check, words), check)
  }
})
