// What is wrong with a certificate or a key is said, and a pair is taken for what it is.

import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { test } from 'node:test'
import { makePair, sharedPair } from '../../test/support/certificates.ts'
import { makePlaceholder } from '../certificates/placeholder.ts'
import { certificatesIn, readPair } from './key-pair.ts'

const whyOf = (certificate: string, key: string): string => {
  const found = readPair(certificate, key)
  assert.equal(found.kind, 'wrong')
  return found.kind === 'wrong' ? `${found.part}: ${found.why}` : ''
}

test('reads a pair from two texts, or from one', () => {
  const { certificate, key } = sharedPair()
  for (const [first, second] of [
    [certificate, key],
    [key + certificate, key + certificate],
  ] as const) {
    const found = readPair(first, second)
    assert.ok(found.kind === 'pair')
    assert.deepEqual(found.facts.names, ['shop.example', '*.shop.example', '127.0.0.1'])
    assert.equal(found.facts.selfSigned, true)
    assert.ok(found.facts.until > found.facts.from)
  }
  assert.equal(certificatesIn(key + certificate), certificate)
})

test('says what is wrong, and with which of the two', () => {
  const { certificate, key } = sharedPair()
  const locked = createPrivateKey(key).export({
    ...{ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' },
  })
  assert.match(whyOf('', key), /^certificate: it holds no/)
  assert.match(whyOf(certificate, certificate), /^key: it holds no/)
  assert.match(whyOf(certificate, makePair(['x.example']).key), /^key: it belongs to another/)
  assert.match(whyOf(certificate, String(locked)), /^key: it is encrypted with a passphrase/)
  const cut = certificate.replace(/[A-Za-z0-9+/]{40}/, '')
  assert.match(whyOf(cut, key), /^certificate: it cannot be read/)
  assert.match(whyOf(certificate, key.replace(/[A-Za-z0-9+/]{40}/, '')), /^key: it cannot be read/)
})

test('takes a placeholder for a certificate with its names', () => {
  const { certificate, key } = makePlaceholder(['shop.example', 'www.shop.example'], Date.now())
  const found = readPair(certificate, key)
  assert.ok(found.kind === 'pair')
  assert.deepEqual(found.facts.names, ['shop.example', 'www.shop.example'])
  assert.equal(found.facts.issuer, 'Always On placeholder')
})
