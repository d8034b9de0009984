// Is every path that Apache ZooKeeper refuses refused, and no other?

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasNul, lastSlash, pathProblem, sequenceSuffix } from './paths.ts'

const valid = ['/', '/a', '/a/b', '/a.b', '/.a', '/a..', '/...', '/..a/b', '/ü', '/a b']

test('takes what is a path', () => {
  for (const path of valid) assert.equal(pathProblem(path ?? null), undefined, path)
})

test('refuses what is none', () => {
  const invalid = [
    ...['', 'a', 'a/b', '/a/', '//', '//a', '/a//b', '/.', '/..', '/a/./b', '/a/../b', '/a/.'],
    ...['/\u0000', '/a\u0001', '/\u001f', '/\u007f', '/\u009f', '/\ud800', '/\uf8ff', '/\ufff0'],
    ...['/\uffff', '/😀'],
  ]
  for (const path of [null, ...invalid]) {
    assert.ok(pathProblem(path) !== undefined, JSON.stringify(path))
  }
})

test('numbers sequential nodes as Java formats them', () => {
  assert.equal(sequenceSuffix(0), '0000000000')
  assert.equal(sequenceSuffix(42), '0000000042')
  assert.equal(sequenceSuffix(2 ** 31 - 1), '2147483647')
  assert.equal(sequenceSuffix(-(2 ** 31)), '-2147483648')
  assert.equal(sequenceSuffix(-5), '-000000005')
})

test('finds slashes and zeros in a part of a buffer', () => {
  const bytes = Buffer.from('xx/a/b\0')
  assert.equal(lastSlash(bytes, 2, 6), 4)
  assert.equal(lastSlash(bytes, 0, 2), -1)
  assert.equal(hasNul(bytes, 2, 6), false)
  assert.equal(hasNul(bytes, 2, 7), true)
})
