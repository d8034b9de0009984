// Passwords are kept by a server as RFC 5803 says, and told apart.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOfPassword, scramVerifier } from './scram.ts'

test('makes what RFC 7677 has as an example', () => {
  // User "user", password "pencil", from the exchange of RFC 7677, section 3.
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
  assert.equal(
    scramVerifier('pencil', salt),
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:' +
      'wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  )
})

test('knows a password again, and no other', () => {
  const verifier = scramVerifier('correct horse', Buffer.from('0123456789abcdef'))
  assert.equal(isOfPassword(verifier, 'correct horse'), true)
  assert.equal(isOfPassword(verifier, 'correct horsf'), false)
  assert.equal(isOfPassword(undefined, 'correct horse'), false)
  assert.equal(isOfPassword('md5abcdef', 'correct horse'), false)
})
