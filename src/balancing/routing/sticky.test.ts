// A cookie that leads back to a server: what it says, and how it ages.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import type { Sticky } from './model.ts'
import { readStuck, stickyLine } from './sticky.ts'

const plain: Sticky = { cookie: 'sid', path: '/', sameSite: 'Lax', waitMs: 1000 }
const token = 'abcdefghij_-'
const cookieIn = (line: string): string => /^Set-Cookie: sid=([^;]+);/.exec(line)![1]!

suite('a sticky cookie', () => {
  test('is told once, with what keeps it from scripts and other sites', () => {
    const line = stickyLine(plain, undefined, token, 1000, false)
    assert.equal(line, `Set-Cookie: sid=${token}; Path=/; HttpOnly; SameSite=Lax\r\n`)
    const before = readStuck(cookieIn(line), plain, 2000)
    assert.deepEqual(before, { token, issued: 0, seen: 0 })
    assert.equal(stickyLine(plain, before, token, 2000, false), '')
    assert.match(
      stickyLine(plain, before, 'AAAAAAAAAAAA', 2000, true),
      /=AAAAAAAAAAAA;.*; Secure\r/,
    )
  })

  test('ages: it is renewed while it is used, and ends with its life', () => {
    const aging: Sticky = { ...plain, idleSeconds: 600, lifeSeconds: 3600 }
    const first = cookieIn(stickyLine(aging, undefined, token, 10_000, false))
    const soon = readStuck(first, aging, 10_050)
    assert.equal(stickyLine(aging, soon, token, 10_050, false), '')
    const later = readStuck(first, aging, 10_500)!
    const renewed = stickyLine(aging, later, token, 10_500, false)
    assert.match(renewed, /; Max-Age=3100;/)
    assert.equal(readStuck(first, aging, 10_601), undefined)
    assert.ok(readStuck(cookieIn(renewed), aging, 11_000) !== undefined)
    assert.equal(readStuck(cookieIn(renewed), { ...aging, lifeSeconds: 900 }, 11_000), undefined)
  })

  test('is never believed to be more than it is', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const found = readStuck(value, plain, 1000)
        assert.ok(found === undefined || value.startsWith(found.token))
      }),
    )
    for (const wrong of ['', token.slice(1), `${token}x`, `${token}.1`, `${token}.1.2.3`, 'a b']) {
      assert.equal(readStuck(wrong, plain, 1000), undefined)
    }
  })
})
