// Windows of an agent: what a refused file had opened is closed, what stays is not touched.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { openClock } from '../foundation/time.ts'
import type { Spec } from '../spec/model.ts'
import { openJournal } from './journal.ts'
import { openTelemetry } from './telemetry.ts'
import { openWindows, Windows, windowKind } from './windows.ts'

interface Wanted {
  readonly host?: string
  readonly port?: number | undefined
  readonly path?: string
  readonly mode?: number
}

const spec = ({ host = '127.0.0.1', port, path, mode = 0o600 }: Wanted): Spec => ({
  ...{ name: 'x', machines: {}, coordination: {} as Spec['coordination'], services: {} },
  ...{ frontends: {}, databases: {}, edges: 1, written: {} },
  ...(port === undefined ? {} : { metrics: { host, port } }),
  ...(path === undefined ? {} : { statsSocket: { path, mode } }),
})

const taken = async (): Promise<void> => {}
const refused = (): Promise<void> => Promise.reject(new Error('refused'))

/** Doors of which a port and a path can be had once, as of a machine. */
function room() {
  const open: string[] = []
  const lost: string[] = []
  const broken = new Set<string>()
  const door = (name: string, where: string): Disposable => {
    if (broken.has(name)) throw new Error(`${name} is broken`)
    if (open.some((other) => other.startsWith(where))) throw new Error(`${where} is taken`)
    open.push(name)
    return {
      [Symbol.dispose]() {
        assert.ok(open.includes(name), `${name} is closed once`)
        open.splice(open.indexOf(name), 1)
      },
    }
  }
  const windows = new Windows(
    [
      windowKind({
        wanted: ({ metrics }) => metrics,
        open: async ({ host, port }) => door(`${port} of ${host}`, `${port} `),
        isInTheWay: (was, { port }) => was.port === port,
      }),
      windowKind({
        wanted: ({ statsSocket }) => statsSocket,
        open: async ({ path, mode }) => door(`${path} ${mode}`, `${path} `),
        isInTheWay: (was, { path }) => was.path === path,
      }),
    ],
    (thrown) => lost.push((thrown as Error).message),
  )
  return { open, lost, broken, windows }
}

suite('windows', () => {
  test('open with a file, move with the next one, and close with the agent', async () => {
    const { open, windows } = room()
    await windows.change(spec({ port: 1, path: 'a', mode: 6 }), taken)
    await windows.change(spec({ port: 2, path: 'a', mode: 6 }), async () => {
      assert.deepEqual(open, ['1 of 127.0.0.1', 'a 6', '2 of 127.0.0.1'])
    })
    assert.deepEqual(open, ['a 6', '2 of 127.0.0.1'])
    await windows.change(spec({}), taken)
    assert.deepEqual(open, [])
  })

  test('stay as they are when a file is refused', async () => {
    const { open, broken, windows } = room()
    await windows.change(spec({ port: 1 }), taken)
    broken.add('b 6')
    await assert.rejects(windows.change(spec({ port: 2, path: 'b', mode: 6 }), taken), /broken/)
    assert.deepEqual(open, ['1 of 127.0.0.1'])
    await assert.rejects(windows.change(spec({ port: 3 }), refused), /refused/)
    assert.deepEqual(open, ['1 of 127.0.0.1'])
    windows[Symbol.dispose]()
    assert.deepEqual(open, [])
  })

  test('make room for what takes their place, and are back when that is refused', async () => {
    const { open, lost, broken, windows } = room()
    await windows.change(spec({ port: 1, path: 'a', mode: 6 }), taken)
    const wider = spec({ host: '0.0.0.0', port: 1, path: 'a', mode: 7 })
    await assert.rejects(windows.change(wider, refused), /refused/)
    assert.deepEqual(open.toSorted(), ['1 of 127.0.0.1', 'a 6'])
    broken.add('a 7')
    await assert.rejects(windows.change(wider, taken), /a 7 is broken/)
    assert.deepEqual(open.toSorted(), ['1 of 127.0.0.1', 'a 6'])
    broken.clear()
    await windows.change(wider, taken)
    assert.deepEqual(open, ['1 of 0.0.0.0', 'a 7'])
    assert.deepEqual(lost, [])
  })

  test('that cannot be had again are told of, and opened with the next file', async () => {
    const { open, lost, broken, windows } = room()
    await windows.change(spec({ port: 1 }), taken)
    broken.add('1 of 127.0.0.1')
    await assert.rejects(windows.change(spec({ host: '::', port: 1 }), refused), /refused/)
    assert.deepEqual([open, lost], [[], ['1 of 127.0.0.1 is broken']])
    broken.clear()
    await windows.change(spec({ port: 1 }), taken)
    assert.deepEqual(open, ['1 of 127.0.0.1'])
  })

  test('of files that are applied at once are those of the last one', async () => {
    const { open, windows } = room()
    await windows.change(spec({ port: 1 }), taken)
    const holding = Promise.withResolvers<void>()
    const moved = windows.change(spec({ port: 2 }), () => holding.promise)
    const stayed = windows.change(spec({ port: 1, path: 'a', mode: 6 }), taken)
    const failed = windows.change(spec({ port: 3 }), refused)
    holding.resolve()
    await Promise.all([moved, stayed, assert.rejects(failed, /refused/)])
    assert.deepEqual(open, ['1 of 127.0.0.1', 'a 6'])
  })
})

/** A port that nobody listens at. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : assert.fail('no port')
}

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => socket.end(() => resolve(true)))
    socket.once('error', () => resolve(false))
  })

test('true doors change their address and their mode at the port and path they have', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'windows-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const telemetry = openTelemetry({
    clock: openClock(),
    journal: openJournal(join(folder, 'journal')),
  })
  t.after(() => telemetry[Symbol.dispose]())
  const windows = openWindows(
    telemetry,
    () => undefined,
    (thrown) => assert.fail(String(thrown)),
  )
  t.after(() => windows[Symbol.dispose]())
  const [port, path] = [await freePort(), join(folder, 'stats')]
  const modeOf = (): number => statSync(path).mode & 0o777
  const status = async (): Promise<number> => (await fetch(`http://127.0.0.1:${port}/`)).status
  await windows.change(spec({ port, path }), taken)
  const wider = spec({ host: '0.0.0.0', port, path, mode: 0o660 })
  await assert.rejects(windows.change(wider, refused), /refused/)
  assert.deepEqual([modeOf(), await answers(path), await status()], [0o600, true, 503])
  const { ino } = statSync(path)
  await windows.change(wider, taken)
  assert.deepEqual([modeOf(), await answers(path), await status()], [0o660, true, 503])
  assert.equal(statSync(path).ino, ino, 'it is the same socket: who talks there goes on')
  rmSync(path)
  await windows.change(spec({ port, path, mode: 0o666 }), taken)
  assert.deepEqual([modeOf(), await answers(path)], [0o666, true])
})
