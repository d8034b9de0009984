// What a server keeps of a password is told apart from what it keeps of another one.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../../../test/fixtures/properties.ts'
import { isSha2Of, sha2Verifier, sha256Crypt } from './sha256-crypt.ts'

test('passwords are encrypted as `openssl passwd -5` does it', () => {
  const of = (password: string, salt: string): string =>
    sha256Crypt(password, Buffer.from(salt), 5000)
  const short = '5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'
  assert.equal(of('Hello world!', 'saltstring'), short)
  const long = 'LdeQv.p8PoDW7ui.V6QTmYeYnISzsJoQCWyju8hP2n8'
  assert.equal(of('abcdefghijklmnopqrstuvwxyz012345xyz', 'abcdefghijklmnop'), long)
})

test('what a MySQL made of a password is known again', () => {
  // The example of hashcat for its mode 7401, whose salt is bytes of all kinds.
  const salt = Buffer.from('F9CC98CE08892924F50A213B6BC571A2C11778C5', 'hex')
  const kept = `$A$005$${salt.toString('latin1')}bTy95Y99eAME1dwEkHOA1ndHGBWz.1bxSSRkuTXFGV/`
  assert.ok(isSha2Of(kept, 'hashcat'))
  assert.ok(!isSha2Of(kept, 'Hashcat'))
})

test('what is made here is known here, and of one password alone', () => {
  const random = fc.uint8Array({ minLength: 20, maxLength: 20 })
  fc.assert(
    fc.property(fc.string(), fc.string(), random, (one, other, bytes) => {
      const verifier = sha2Verifier(one, Buffer.from(bytes))
      assert.equal(verifier.length, 70)
      assert.match(verifier, /^\$A\$005\$[./0-9A-Za-z]{63}$/)
      assert.ok(isSha2Of(verifier, one))
      assert.equal(isSha2Of(verifier, other), one === other)
    }),
    { numRuns: 10 },
  )
})

test('of what another plugin keeps nothing is said', () => {
  for (const kept of ['', '*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29', '$A$005$short']) {
    assert.ok(!isSha2Of(kept, ''))
  }
})
