// Whether a login by SCRAM is the one that RFC 7677 shows, and believes nobody else.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hideBinding, prepared, Scram } from './scram.ts'

const nonce = 'rOprNGfwEbeRWgbNEkqO'
const challenge =
  'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'

test('answers a challenge, and knows a server that knows the password', () => {
  const scram = new Scram('pencil', nonce)
  assert.equal(scram.first(), `n,,n=,r=${nonce}`)
  const final = scram.final(challenge)
  assert.match(
    final ?? '',
    /^c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj\)hNlF\$k0,p=[A-Za-z0-9+/]{43}=$/,
  )
  assert.equal(scram.verify('v=AAAA'), false)
  assert.equal(scram.verify('e=other-error'), false)
})

test('answers no challenge that is not for it, or asks for endless work', () => {
  for (const bad of [
    challenge.replace('rOpr', 'xOpr'),
    `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
    challenge.replace('i=4096', 'i=0'),
    challenge.replace('i=4096', 'i=9999999'),
    'e=unknown-user',
    '',
  ]) {
    assert.equal(new Scram('pencil', nonce).final(bad), undefined, bad)
  }
})

test('prepares passwords as PostgreSQL does', () => {
  assert.equal(prepared('a\u00adb\u00a0c'), 'ab c')
  assert.equal(prepared('\u2168'), 'IX')
})

test('hides what is bound to a connection that its client does not have, and no more', () => {
  const offer = 'R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0'
  const bytes = Buffer.from(offer, 'latin1')
  hideBinding(bytes, 0, bytes.length)
  const names = bytes.toString('latin1', 9).split('\0')
  assert.equal(bytes.length, offer.length)
  assert.deepEqual(names.slice(1), ['SCRAM-SHA-256', '', ''])
  assert.doesNotMatch(names[0] ?? '', /SCRAM/)
  const other = Buffer.from('SCRAM-SHA-256\0\0', 'latin1')
  hideBinding(other, 0, other.length)
  assert.equal(other.toString('latin1'), 'SCRAM-SHA-256\0\0')
})
