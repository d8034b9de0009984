// Windows of an agent: what a refused file had opened is closed, what stays is not touched.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Spec } from '../spec/model.ts'
import { Windows, windowKind } from './windows.ts'

const spec = (port: number | undefined, path?: string): Spec => ({
  ...{ name: 'x', machines: {}, coordination: {} as Spec['coordination'], services: {} },
  ...{ frontends: {}, databases: {}, edges: 1, written: {} },
  ...(port === undefined ? {} : { metrics: { host: '::1', port } }),
  ...(path === undefined ? {} : { statsSocket: { path, mode: 0o600 } }),
})

function room() {
  const open: string[] = []
  const door = (name: string): Disposable => {
    open.push(name)
    return { [Symbol.dispose]: () => void open.splice(open.indexOf(name), 1) }
  }
  const windows = new Windows([
    windowKind({
      wanted: ({ metrics }) => metrics,
      open: async ({ port }) => door(`port ${port}`),
    }),
    windowKind({
      wanted: ({ statsSocket }) => statsSocket,
      open: async ({ path }) => {
        if (path === 'taken') throw new Error('taken')
        return door(path)
      },
    }),
  ])
  return { open, windows }
}

suite('windows', () => {
  test('open with a file, move with the next one, and close with the agent', async () => {
    const { open, windows } = room()
    ;(await windows.prepare(spec(1, 'a'))).keep()
    const next = await windows.prepare(spec(2, 'a'))
    assert.deepEqual(open, ['port 1', 'a', 'port 2'])
    next.keep()
    next[Symbol.dispose]()
    assert.deepEqual(open, ['a', 'port 2'])
    ;(await windows.prepare(spec(undefined))).keep()
    assert.deepEqual(open, [])
  })

  test('stay as they are when a file is refused', async () => {
    const { open, windows } = room()
    ;(await windows.prepare(spec(1))).keep()
    await assert.rejects(windows.prepare(spec(2, 'taken')))
    assert.deepEqual(open, ['port 1'])
    const refused = await windows.prepare(spec(3))
    refused[Symbol.dispose]()
    assert.deepEqual(open, ['port 1'])
    windows[Symbol.dispose]()
    assert.deepEqual(open, [])
  })
})
