// Whether a login by SCRAM is the one that RFC 7677 shows, and believes nobody else.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prepared, Scram } from './scram.ts'

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
