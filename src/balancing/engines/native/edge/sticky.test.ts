// Clients come back to the server that they had, as long as it is there.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { answering, EdgeBed, get, ok, until } from '../../../../../test/support/edge-bed.ts'
import { ms } from '../../../../foundation/time.ts'
import type { Sticky } from '../../../routing/model.ts'

const sticky: Sticky = { cookie: 'sid', path: '/', sameSite: 'Lax', waitMs: 300 }
const told = (head: string): string => /^Set-Cookie: (sid=[^;]+);/im.exec(head)?.[1] ?? ''
const withCookie = (cookie: string, path = '/'): string => get(path, `Cookie: x=y; ${cookie}\r\n`)

const openThree = () =>
  Promise.all(['web-1', 'web-2', 'web-3'].map((id) => answering(id, () => ok(id))))

suite('a sticky client', () => {
  test('comes back to its server, also through another edge', async () => {
    await using stack = new AsyncDisposableStack()
    const origins = (await openThree()).map((origin) => stack.use(origin))
    const beds = [stack.use(new EdgeBed()), stack.use(new EdgeBed())]
    for (const bed of beds) {
      await bed.apply(
        origins.map((origin) => origin.row()),
        { pool: { sticky } },
      )
    }
    const used = new Set<string>()
    for (let client = 0; client < 6; client += 1) {
      const { head, body } = await beds[0]!.ask(get('/'))
      assert.match(told(head), /^sid=[A-Za-z0-9_-]{12}$/)
      used.add(body)
      for (const bed of [...beds, ...beds]) {
        const again = await bed.ask(withCookie(told(head)))
        assert.equal(again.body, body)
        assert.equal(told(again.head), '')
      }
    }
    assert.equal(used.size, 3)
  })

  test('gets another server, and its cookie, when its own is gone', async () => {
    await using stack = new AsyncDisposableStack()
    const origins = (await openThree()).map((origin) => stack.use(origin))
    const bed = stack.use(new EdgeBed())
    const rows = origins.map((origin) => origin.row())
    await bed.apply(rows, { pool: { sticky } })
    const first = await bed.ask(get('/'))
    const cookie = told(first.head)
    const state = 'down' as const
    const without = rows.map((row) => (row.id === first.body ? { ...row, state } : row))
    await bed.apply(without, { pool: { sticky } })
    const second = await bed.ask(withCookie(cookie))
    assert.notEqual(second.body, first.body)
    assert.notEqual(told(second.head), '')
    assert.equal((await bed.ask(withCookie(told(second.head)))).body, second.body)
    await bed.apply(rows, { pool: { sticky } })
    assert.equal((await bed.ask(withCookie(cookie))).body, first.body)
    assert.notEqual(told((await bed.ask(withCookie('sid=nonsense'))).head), '')
  })

  test('stays with a server that drains only if that keeps its clients', async () => {
    await using stack = new AsyncDisposableStack()
    const origins = (await openThree()).map((origin) => stack.use(origin))
    const bed = stack.use(new EdgeBed())
    const rows = origins.map((origin) => origin.row())
    await bed.apply(rows, { pool: { sticky } })
    const first = await bed.ask(get('/'))
    const draining = (keepsSticky: boolean) =>
      rows.map((row) =>
        row.id === first.body ? { ...row, state: 'draining' as const, keepsSticky } : row,
      )
    await bed.apply(draining(true), { pool: { sticky } })
    assert.equal((await bed.ask(withCookie(told(first.head)))).body, first.body)
    for (let i = 0; i < 4; i += 1) assert.notEqual((await bed.ask(get('/'))).body, first.body)
    await bed.apply(draining(false), { pool: { sticky } })
    assert.notEqual((await bed.ask(withCookie(told(first.head)))).body, first.body)
  })

  test('waits for its server, in nobody’s way, and then goes elsewhere', async () => {
    await using stack = new AsyncDisposableStack()
    const silent = new Set(['/hold'])
    const origins = await Promise.all(
      ['web-1', 'web-2'].map((id) =>
        answering(id, (head) => (silent.has(head.split(' ')[1]!) ? '' : ok(id))),
      ),
    )
    for (const origin of origins) stack.use(origin)
    const bed = stack.use(new EdgeBed())
    const rows = origins.map((origin) => origin.row({ maxConnections: 1 }))
    const apply = (waitMs: number) => bed.apply(rows, { pool: { sticky: { ...sticky, waitMs } } })
    await apply(60_000)
    const first = await bed.ask(get('/'))
    const cookie = told(first.head)
    const own = origins.find(({ id }) => id === first.body)!
    const busy = await bed.client()
    busy.send(withCookie(cookie, '/hold'))
    await until('its server is busy', () => own.seen.at(-1)?.startsWith('GET /hold') === true)
    const waiting = bed.ask(withCookie(cookie))
    await until('it waits', () => bed.report.frontends.public!.held === 1)
    assert.notEqual((await bed.ask(get('/other'))).body, first.body)
    own.peers.at(-1)!.send(ok('done'))
    assert.equal((await waiting).body, first.body)
    await busy.takeMessage()
    await apply(100)
    busy.send(withCookie(cookie, '/hold'))
    await until('it is busy again', () => own.seen.at(-1)?.startsWith('GET /hold') === true)
    const elsewhere = await bed.ask(withCookie(cookie))
    assert.notEqual(elsewhere.body, first.body)
    assert.notEqual(told(elsewhere.head), '')
  })

  test('that waits for its server is told so when fewer may wait from now on', async () => {
    await using a = await answering('a', (head) => (head.startsWith('GET /hold') ? '' : ok('a')))
    await using b = await answering('b', () => ok('b'))
    await using bed = new EdgeBed()
    const rows = [a.row({ maxConnections: 1 }), b.row()]
    const apply = (requests: number) => {
      const hold = { wait: ms(60_000), requests, bytes: 100_000 }
      return bed.apply(rows, { pool: { sticky: { ...sticky, waitMs: 60_000 }, hold } })
    }
    await apply(9)
    let first = await bed.ask(get('/'))
    if (first.body !== 'a') first = await bed.ask(get('/'))
    const cookie = told(first.head)
    const [busy, ...waiting] = [await bed.client(), await bed.client(), await bed.client()]
    busy!.send(withCookie(cookie, '/hold'))
    await until('its server is busy', () => bed.report.servers.a!.active === 1)
    for (const [i, client] of waiting.entries()) {
      client.send(withCookie(cookie))
      await until('it waits', () => bed.report.frontends.public!.held === i + 1)
    }
    await apply(1)
    assert.match((await waiting[1]!.takeMessage()).head, /^HTTP\/1\.1 503 /)
    assert.equal(bed.report.frontends.public!.held, 1)
    assert.equal(bed.edge.meters().frontends.public!.endings['hold-full'], 1)
    a.peers.at(-1)!.send(ok('done'))
    assert.equal((await waiting[0]!.takeMessage()).body, 'a')
    assert.equal(bed.report.frontends.public!.held, 0)
  })
})
