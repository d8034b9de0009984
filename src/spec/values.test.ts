// Are single texts of the file read as they are meant?

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../test/fixtures/properties.ts'
import { nearest } from './nearest.ts'
import {
  patterns,
  type Reading,
  readAddress,
  readBind,
  readDuration,
  readers,
  readHost,
  readPath,
  readSize,
  readStatuses,
} from './values.ts'

const outcome = <T>(reading: Reading<T>): T | string =>
  reading.ok ? reading.value : `refused: ${reading.remedy ?? reading.why ?? ''}`

function table<T>(
  name: string,
  read: (text: string) => Reading<T>,
  rows: Readonly<Record<string, unknown>>,
): void {
  suite(name, () => {
    for (const [text, expected] of Object.entries(rows)) {
      test(`${text} is ${JSON.stringify(expected)}`, () => {
        assert.deepEqual(outcome(read(text)), expected)
      })
    }
  })
}

table('a length of time', readDuration, {
  '250ms': 250,
  '1.5s': 1500,
  '2m': 120_000,
  '1h': 3_600_000,
  '5': 'refused: add the unit: `5s` or `5ms`',
  '5sec': 'refused: write `5s`',
  '5 minutes': 'refused: write `5m`',
  '1,5s': 'refused: write `1.5s`',
  '5S': 'refused: write `5s`',
  '-5s': 'refused: ',
  soon: 'refused: ',
})

table('a size', readSize, {
  '10B': 10,
  '512KiB': 524_288,
  '1.5MiB': 1_572_864,
  '10MB': 10_000_000,
  '10': 'refused: add the unit: `10KiB` or `10MiB`',
  '10m': 'refused: write `10MiB`',
  '10 MiB': 'refused: write `10MiB`',
  big: 'refused: ',
})

table('an address to listen on', readBind, {
  ':80': { host: '0.0.0.0', port: 80 },
  '*:80': { host: '0.0.0.0', port: 80 },
  '127.0.0.1:8080': { host: '127.0.0.1', port: 8080 },
  'localhost:8080': { host: '127.0.0.1', port: 8080 },
  '[::]:80': { host: '::', port: 80 },
  '[::1]:65535': { host: '::1', port: 65_535 },
  ':0': 'refused: ports go from 1 to 65535',
  ':65536': 'refused: ports go from 1 to 65535',
  '::1': 'refused: write `"[::1]:80"`',
  '/run/x.sock': 'refused: only addresses with a port can be listened on, not socket files',
})

table('the address of a server', readAddress, {
  '10.0.0.1:80': { host: '10.0.0.1', port: 80 },
  'App-1.internal:8080': { host: 'app-1.internal', port: 8080 },
  '[fe80::1]:80': { host: 'fe80::1', port: 80 },
  'http://a:80/b': 'refused: leave out the scheme and the path: `a:80`',
  ':80': 'refused: name the host too: `127.0.0.1:80`',
  '8080': 'refused: name the host too: `127.0.0.1:PORT`',
  '1.2.3:80': 'refused: `1.2.3` is no IP address',
  'a b:80': 'refused: ',
})

table('the host of a route', readHost, {
  'Shop.Example': 'shop.example',
  '*.shop.example': '*.shop.example',
  '[::1]': '[::1]',
  '*': 'refused: leave `host` out: then any host matches',
  'https://a': 'refused: leave out the scheme and the path: only the host',
})

table('the path of a route', readPath, {
  '/': '/',
  '/old': '/old',
  '/old/': '/old',
  '/a%20b': '/a%20b',
  '/api/*': 'refused: leave out the star: `/api` takes everything below it',
  '/*': 'refused: leave out the star: `/` takes everything below it',
  '/a?b': 'refused: a route looks at the path only, not at what follows `?` or `#`',
  old: 'refused: begin with a slash: `/old`',
})

table('statuses', readStatuses, {
  '200': [[200, 200]],
  '200-399': [[200, 399]],
  '2xx,401': [
    [200, 299],
    [401, 401],
  ],
  '2XX': 'refused: write `2xx`',
  '399-200': 'refused: put the lower status first: `200-399`',
  ok: 'refused: ',
})

test('no reader takes a text that its pattern in the JSON Schema refuses', () => {
  for (const [kind, pattern] of Object.entries(patterns)) {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(...'a1.:/*[]-,x${}%&sMiB '), maxLength: 12 }),
      fc.stringMatching(pattern),
    )
    fc.assert(
      fc.property(text, (one) => {
        const reading = readers[kind]?.(one)
        assert.ok(reading !== undefined)
        if (reading.ok) assert.match(one, pattern, kind)
      }),
      { numRuns: 300 },
    )
  }
})

suite('the nearest word', () => {
  const keys = ['replicas', 'check', 'run', 'env', 'max_connections', 'hold', 'to', 'bind']
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['replcas', 'replicas'],
    ['Replicas', 'replicas'],
    ['max-connections', 'max_connections'],
    ['maxConnections', 'max_connections'],
    ['maxconn', 'max_connections'],
    ['environment', 'env'],
    ['backend', 'to'],
    ['listen', 'bind'],
    ['rnu', 'run'],
    ['xyzzy', undefined],
    ['', undefined],
  ]
  for (const [word, expected] of rows) {
    test(`to ${JSON.stringify(word)} is ${expected ?? 'none'}`, () => {
      assert.equal(nearest(word, keys), expected)
    })
  }
})
