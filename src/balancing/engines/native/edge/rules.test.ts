// What routes do to requests and answers, seen from outside.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { answering, EdgeBed, get, ok, post, until } from '../../../../../test/support/edge-bed.ts'
import { ms } from '../../../../foundation/time.ts'
import type { Pool, TableRoute, TableServer } from '../../../model.ts'
import type { RouteRules } from '../../../routing/model.ts'

const route = (rules: RouteRules | undefined, differs: Partial<TableRoute> = {}): TableRoute => ({
  ...{ host: undefined, path: undefined, pool: 'web', policy: 'roundrobin' },
  ...(rules === undefined ? {} : { rules }),
  ...differs,
})

const pool = (name: string, servers: readonly TableServer[]): Pool => ({
  ...{ name, servers, hold: { wait: ms(5000), requests: 100, bytes: 1_000_000 } },
  ...{ connectTimeout: ms(1000), responseTimeout: ms(10_000), hedge: undefined },
})

suite('the rules of a route', () => {
  test('choose by method, field and whole path', async () => {
    await using web = await answering('web-1', () => ok('web'))
    await using other = await answering('other-1', () => ok('other'))
    await using bed = new EdgeBed()
    const special = { pool: 'other', path: '/a' }
    const routes = [
      route({ methods: ['POST'] }, { pool: 'other' }),
      route({ fields: [{ name: 'x-beta', how: 'is', value: '1' }] }, { pool: 'other' }),
      route({ exact: true }, special),
      route(undefined),
    ]
    await bed.apply([web.row()], { frontend: { routes }, more: [pool('other', [other.row()])] })
    const bodies = [
      get('/'),
      post('x'),
      get('/', 'X-Beta: 1\r\n'),
      get('/', 'X-Beta: 2\r\n'),
      get('/a?q'),
      get('/a/b'),
    ].map(async (request) => (await bed.ask(request)).body)
    const wanted = ['web', 'other', 'other', 'web', 'other', 'web']
    assert.deepEqual(await Promise.all(bodies), wanted)
  })

  test('answer by themselves: a redirect, a refusal', async () => {
    await using web = await answering('web-1', () => ok('web'))
    await using bed = new EdgeBed()
    const redirect = { kind: 'redirect', status: 301, how: 'scheme', to: 'https' } as const
    const routes = [
      route({ reply: redirect }, { path: '/go', pool: undefined }),
      route({ reply: { kind: 'refuse', status: 403 } }, { path: '/no', pool: undefined }),
      route(undefined),
    ]
    await bed.apply([web.row()], { frontend: { routes } })
    const client = await bed.client()
    client.send(get('/go/x?y') + get('/no') + get('/'))
    const moved = await client.takeMessage()
    assert.match(moved.head, /^HTTP\/1\.1 301 Moved Permanently\r\n/)
    assert.match(moved.head, /\r\nLocation: https:\/\/shop\.example\/go\/x\?y\r\n/)
    assert.match((await client.takeMessage()).head, /^HTTP\/1\.1 403 Forbidden/)
    assert.equal((await client.takeMessage()).body, 'web')
    assert.equal(web.seen.length, 1)
  })

  test('rewrite the path, and edit fields both ways', async () => {
    const answer = ok('hi', 'Server: secret\r\nX-Old: 1\r\n')
    await using web = await answering('web-1', () => answer)
    await using bed = new EdgeBed()
    const rules: RouteRules = {
      ...{ strip: '/api', prepend: '/v2' },
      request: {
        remove: ['x-secret'],
        set: [
          ['X-Client', '{client} for {host}'],
          ['X-Forwarded-Proto', 'https'],
          ['Host', 'inner.example'],
        ],
      },
      answer: { remove: ['server'], set: [['X-Old', '2']] },
    }
    await bed.apply([web.row()], { frontend: { routes: [route(rules, { path: '/api' })] } })
    const { head, body } = await bed.ask(get('/api/x?y=1', 'X-Secret: 1\r\nX-CLIENT: me\r\n'))
    const lines = web.seen[0]!.split('\r\n')
    assert.equal(lines[0], 'GET /v2/x?y=1 HTTP/1.1')
    const fields = lines.slice(1, -2).toSorted()
    assert.deepEqual(fields, [
      'Host: inner.example',
      'X-Client: 127.0.0.1 for shop.example',
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Host: shop.example',
      'X-Forwarded-Proto: https',
    ])
    assert.equal(body, 'hi')
    assert.doesNotMatch(head, /secret/)
    assert.deepEqual(head.match(/X-Old: ./g), ['X-Old: 2'])
  })

  test('bound bodies, whether their length is stated or not', async () => {
    await using web = await answering('web-1', (_, body) => ok(`${body.length}`))
    await using bed = new EdgeBed()
    await bed.apply([web.row()], { frontend: { routes: [route({ bodyMost: 100 })] } })
    assert.equal((await bed.ask(post('x'.repeat(100)))).body, '100')
    assert.match((await bed.ask(post('x'.repeat(101)))).head, /^HTTP\/1\.1 413 Content Too Large/)
    const chunked = (size: number): string =>
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' +
      `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n0\r\n\r\n`
    assert.match((await bed.ask(chunked(200))).head, /^HTTP\/1\.1 413/)
    assert.match((await bed.ask(chunked(50))).head, /^HTTP\/1\.1 200/)
  })

  test('send a share to the canary, which keeps nobody waiting', async () => {
    await using web = await answering('web-1', () => ok('web'))
    await using next = await answering('next-1', () => ok('next'))
    await using bed = new EdgeBed()
    const apply = (share: number, servers = [next.row()]): Promise<void> => {
      const canary = { pool: 'next', share, cookie: 'side' }
      const routes = [route({ canary })]
      return bed.apply([web.row()], { frontend: { routes }, more: [pool('next', servers)] })
    }
    await apply(1)
    const { head, body } = await bed.ask(get('/'))
    assert.equal(body, 'next')
    const told = /\r\nSet-Cookie: (side=\d+); Path=\/; [^\r]*HttpOnly/.exec(head)?.[1]
    assert.ok(told)
    const again = get('/', `Cookie: a=b; ${told}\r\n`)
    const second = await bed.ask(again)
    assert.equal(second.body, 'next')
    assert.doesNotMatch(second.head, /Set-Cookie/)
    await apply(0)
    assert.equal((await bed.ask(again)).body, 'web')
    await apply(1, [])
    assert.equal((await bed.ask(again)).body, 'web')
  })
})

suite('maintenance', () => {
  const maintenance = { page: '<p>back soon', retryAfterSeconds: 120, allow: ['10.0.0.0/8'] }

  test('turns requests away with its own page, and lets in whom it names', async () => {
    await using web = await answering('web-1', () => ok('web'))
    await using bed = new EdgeBed()
    for (const wish of [{ frontend: { maintenance } }, { pool: { maintenance } }]) {
      await bed.apply([web.row()], wish)
      const { head, body } = await bed.ask(get('/'))
      assert.match(head, /^HTTP\/1\.1 503 /)
      assert.match(head, /\r\nRetry-After: 120\r\n/)
      assert.match(head, /text\/html/)
      assert.equal(body, '<p>back soon')
    }
    const allow = ['127.0.0.0/8']
    await bed.apply([web.row()], { frontend: { maintenance: { ...maintenance, allow } } })
    assert.equal((await bed.ask(get('/'))).body, 'web')
    await bed.apply([web.row()], { frontend: { maintenance, mode: 'tcp' } })
    const client = await bed.client()
    await client.takeEnd()
    assert.equal(web.seen.length, 1)
  })

  test('leaves what is in flight alone', async () => {
    await using web = await answering('web-1', (head) => (head.includes('/slow') ? '' : ok('web')))
    await using bed = new EdgeBed()
    await bed.apply([web.row()])
    const client = await bed.client()
    client.send(get('/slow'))
    await until('it is on its server', () => web.seen.length === 1)
    await bed.apply([web.row()], { frontend: { maintenance } })
    web.peers[0]!.send(ok('late'))
    assert.equal((await client.takeMessage()).body, 'late')
    client.send(get('/'))
    assert.match((await client.takeMessage()).head, /^HTTP\/1\.1 503/)
    client.close()
  })
})
