// Who is told of what? The rules of firing that the differential test cannot try, because Apache
// ZooKeeper 3.8 has them wrong: a watch once and a watch for good on one path (ZOOKEEPER-4466).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openAcl } from './acl.ts'
import { bytesOf, hashBytes } from './bytes.ts'
import { type WatchedPath, type Watcher, Watches, watchMode } from './watches.ts'

interface Listener extends Watcher {
  readonly heard: string[]
}

function listener(): Listener {
  const heard: string[] = []
  return {
    who: [],
    watched: null as Set<WatchedPath> | null,
    heard,
    notify: (frame) => heard.push(`${frame.readInt32BE(20)} ${frame.toString('utf8', 32)}`),
  }
}

const place = (path: string) => {
  const bytes = bytesOf(path)
  return { path: bytes, hash: hashBytes(bytes, 0, bytes.length), acl: openAcl }
}
const [root, a, ab] = [place('/'), place('/a'), place('/a/b')]

test('a watch once does not end a watch for good, nor the other way round', () => {
  const watches = new Watches()
  const both = listener()
  watches.add('data', a.path, both, watchMode.persistent)
  watches.add('data', a.path, both, watchMode.once)
  for (let time = 0; time < 3; time += 1) watches.dataChanged(a)
  assert.deepEqual(both.heard, ['3 /a', '3 /a', '3 /a'])
  assert.equal(watches.count, 1)
})

test('a watch once fires once, and leaves nothing behind', () => {
  const watches = new Watches()
  const one = listener()
  watches.add('data', a.path, one, watchMode.once)
  watches.add('children', a.path, one, watchMode.once)
  watches.created(ab, a)
  watches.created(ab, a)
  watches.dataChanged(a)
  watches.dataChanged(a)
  assert.deepEqual(one.heard, ['4 /a', '3 /a'])
  assert.equal(watches.count, 0)
  assert.equal(one.watched?.size, 0)
})

test('a recursive watch hears of everything below, and of no list of children', () => {
  const watches = new Watches()
  const wide = listener()
  for (const table of ['data', 'children'] as const) {
    watches.add(table, root.path, wide, watchMode.recursive)
  }
  watches.created(a, root)
  watches.created(ab, a)
  watches.dataChanged(ab)
  watches.deleted(ab, openAcl, a)
  assert.deepEqual(wide.heard, ['1 /a', '1 /a/b', '3 /a/b', '2 /a/b'])
})

test('one who watches a node in both tables is told once that it is gone', () => {
  const watches = new Watches()
  const one = listener()
  const other = listener()
  watches.add('data', a.path, one, watchMode.once)
  watches.add('children', a.path, one, watchMode.once)
  watches.add('children', a.path, other, watchMode.once)
  watches.deleted(a, openAcl, root)
  assert.deepEqual(one.heard, ['2 /a'])
  assert.deepEqual(other.heard, ['2 /a'])
})

test('knows whose watch it is', () => {
  const watches = new Watches()
  const one = listener()
  const other = listener()
  watches.add('data', a.path, one, watchMode.once)
  assert.equal(watches.has('data', a.path, one), true)
  assert.equal(watches.has('data', a.path, other), false)
  assert.equal(watches.has('children', a.path, one), false)
  assert.equal(watches.remove('data', a.path, other), false)
  assert.equal(watches.remove('data', a.path, one), true)
  assert.equal(watches.count, 0)
})

test('forgets all watches of one who is gone, and no other', () => {
  const watches = new Watches()
  const watchers = Array.from({ length: 50 }, listener)
  for (const watcher of watchers) {
    for (const { path } of [root, a, ab]) {
      watches.add('data', path, watcher, watchMode.once)
      watches.add('children', path, watcher, watchMode.recursive)
    }
  }
  assert.equal(watches.count, 300)
  for (const watcher of watchers.slice(1)) watches.removeAll(watcher)
  assert.equal(watches.count, 6)
  watches.dataChanged(a)
  assert.deepEqual(
    watchers.map(({ heard }) => heard.length),
    [1, ...new Array(49).fill(0)],
  )
})
