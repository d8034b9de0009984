// Redaction: no cut of the stream lets a secret through, and nothing else is changed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { openRedactor, redactText } from './redact.ts'

function run(secrets: readonly string[], chunks: readonly Buffer[]): string {
  const redactor = openRedactor(secrets)
  const out = [...chunks.map((chunk) => redactor.push(chunk)), redactor.end()]
  return Buffer.concat(out).toString('utf8')
}

test('replaces a secret wherever the stream is cut', () => {
  const text = Buffer.from('token=s3cr3t-Käse and more')
  for (let cut = 0; cut <= text.length; cut += 1) {
    const chunks = [text.subarray(0, cut), text.subarray(cut)]
    assert.equal(run(['s3cr3t-Käse'], chunks), 'token=*** and more')
  }
})

test('leaves values of fewer than six characters alone', () => {
  assert.equal(run(['abc', 'prod', '12345'], [Buffer.from('abc prod 12345')]), 'abc prod 12345')
})

test('hides overlapping secrets, and one that is the beginning of another, as a whole', () => {
  assert.equal(redactText('xxabcdefghiyy', ['abcdef', 'abcdefghi']), 'xx***yy')
  assert.equal(redactText('xxabcABCdefyy', ['abcABC', 'ABCdef']), 'xx***yy')
  assert.equal(run(['abcdef', 'abcdefghi'], [Buffer.from('abcdef'), Buffer.from('ghi!')]), '***!')
  assert.equal(run(['abcABC', 'ABCdef'], [Buffer.from('abcABC'), Buffer.from('def!')]), '***!')
})

test('hides each line of a secret of several lines', () => {
  const key = '-----BEGIN-----\nMIIabcdef\n-----END-----'
  assert.equal(redactText('> MIIabcdef\n', [key]), '> ***\n')
  assert.equal(redactText(`<${key}>`, [key]), '<***>')
})

test('holds nothing back without end, whatever repeats', () => {
  const redactor = openRedactor(['aaaaaa'])
  let out = 0
  for (let turn = 0; turn < 4; turn += 1) out += redactor.push(Buffer.alloc(65536, 'a')).length
  assert.ok(out > 0)
})

test('does the same for any cuts as for none, and never shows a secret', () => {
  const alphabet = fc.constantFrom('a', 'b', 'c', '\n', 'é')
  const word = fc.array(alphabet, { minLength: 6, maxLength: 9 }).map((c) => c.join(''))
  const secrets = fc.array(
    word.filter((secret) => !secret.includes('\n')),
    { minLength: 1, maxLength: 3 },
  )
  const pieces = fc.array(fc.oneof(word, alphabet), { maxLength: 20 })
  const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(secrets, pieces, sizes, (hidden, parts, cuts) => {
      const text = Buffer.from([...parts, ...hidden].join(''))
      const chunks: Buffer[] = []
      for (let at = 0, turn = 0; at < text.length; turn += 1) {
        const size = cuts[turn % cuts.length]!
        chunks.push(text.subarray(at, at + size))
        at += size
      }
      const seen = run(hidden, chunks)
      assert.equal(seen, redactText(text.toString(), hidden))
      for (const secret of hidden) assert.ok(!seen.includes(secret))
    }),
    { numRuns: 500 },
  )
})
