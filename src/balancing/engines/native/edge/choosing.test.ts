// Which server gets a request, seen from outside: by key, in order, and slowly at first.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  answering,
  EdgeBed,
  get,
  type Origin,
  ok,
  until,
} from '../../../../../test/support/edge-bed.ts'
import { ms } from '../../../../foundation/time.ts'
import type { HashRule, TableServer } from '../../../model.ts'

const open = (count: number): Promise<(Origin & { readonly seen: string[] })[]> =>
  Promise.all(
    Array.from({ length: count }, (_, i) => answering(`web-${i + 1}`, () => ok(`web-${i + 1}`))),
  )

const routes = (hash: HashRule) =>
  [{ host: undefined, path: undefined, pool: 'web', policy: 'hash', hash }] as const

const rows = (origins: readonly Origin[], differs: Partial<TableServer> = {}): TableServer[] =>
  origins.map((origin) => origin.row(differs))

suite('choosing a server', () => {
  test('sends one key to one server, and two edges agree on which', async () => {
    await using stack = new AsyncDisposableStack()
    const origins = (await open(3)).map((origin) => stack.use(origin))
    const beds = [stack.use(new EdgeBed()), stack.use(new EdgeBed())]
    const frontend = { routes: routes({ by: 'header', name: 'x-user', bound: 1.25 }) }
    for (const bed of beds) await bed.apply(rows(origins), { frontend })
    const used = new Set<string>()
    for (let user = 0; user < 12; user += 1) {
      const request = get(`/${user}`, `X-User: ${user}\r\n`)
      const answers = [
        ...(await Promise.all(beds.map((bed) => bed.ask(request)))),
        await beds[0]!.ask(request),
      ]
      assert.equal(new Set(answers.map(({ body }) => body)).size, 1)
      used.add(answers[0]!.body)
    }
    assert.ok(used.size > 1)
  })

  test('hashes the path, the cookie and the client, in both modes', async () => {
    await using stack = new AsyncDisposableStack()
    const origins = (await open(3)).map((origin) => stack.use(origin))
    const bed = stack.use(new EdgeBed())
    const asks: readonly [HashRule, readonly string[]][] = [
      [{ by: 'uri' }, [get('/a?x'), get('/a?y'), get('/a')]],
      [{ by: 'cookie', name: 'sid' }, ['/a', '/b'].map((path) => get(path, 'Cookie: sid=7\r\n'))],
      [{ by: 'source' }, [get('/a'), get('/b'), get('/c')]],
    ]
    for (const [hash, requests] of asks) {
      await bed.apply(rows(origins), { frontend: { routes: routes(hash) } })
      const bodies = new Set<string>()
      for (const request of requests) bodies.add((await bed.ask(request)).body)
      assert.equal(bodies.size, 1, hash.by)
    }
    await bed.apply(rows(origins), { frontend: { mode: 'tcp', routes: routes({ by: 'source' }) } })
    const bodies = new Set<string>()
    for (let i = 0; i < 4; i += 1) bodies.add((await bed.ask(get('/'))).body)
    assert.equal(bodies.size, 1)
  })

  test('fills one server after the other with the policy first', async () => {
    await using stack = new AsyncDisposableStack()
    const slow = await Promise.all(['web-1', 'web-2'].map((id) => answering(id, () => '')))
    for (const origin of slow) stack.use(origin)
    const bed = stack.use(new EdgeBed())
    const route = { host: undefined, path: undefined, pool: 'web', policy: 'first' } as const
    await bed.apply(rows(slow, { maxConnections: 2 }), { frontend: { routes: [route] } })
    for (let i = 0; i < 3; i += 1) (await bed.client()).send(get(`/${i}`))
    await until('all are on servers', () => slow[0]!.seen.length + slow[1]!.seen.length === 3)
    assert.deepEqual([slow[0]!.seen.length, slow[1]!.seen.length], [2, 1])
  })

  test('gives a server that has just come up little beside one that has been up', async () => {
    await using stack = new AsyncDisposableStack()
    const [old, fresh] = (await open(2)).map((origin) => stack.use(origin))
    const bed = stack.use(new EdgeBed())
    const pool = { slowStart: ms(600_000) }
    await bed.apply([old!.row(), fresh!.row({ state: 'down' })], { pool })
    await bed.apply([old!.row(), fresh!.row()], { pool })
    for (let i = 0; i < 40; i += 1) await bed.ask(get(`/${i}`))
    assert.ok(fresh!.seen.length <= 1, `${fresh!.seen.length}`)
    await bed.apply([old!.row({ state: 'down' }), fresh!.row()], { pool })
    assert.equal((await bed.ask(get('/only'))).body, 'web-2')
  })

  test('follows weights that change while it runs', async () => {
    await using stack = new AsyncDisposableStack()
    const [a, b] = (await open(2)).map((origin) => stack.use(origin))
    const bed = stack.use(new EdgeBed())
    await bed.apply([a!.row({ weight: 3 }), b!.row({ weight: 1 })])
    for (let i = 0; i < 8; i += 1) await bed.ask(get('/'))
    assert.deepEqual([a!.seen.length, b!.seen.length], [6, 2])
    await bed.apply([a!.row({ weight: 1 }), b!.row({ weight: 3 })])
    for (let i = 0; i < 8; i += 1) await bed.ask(get('/'))
    assert.deepEqual([a!.seen.length, b!.seen.length], [8, 8])
  })
})
