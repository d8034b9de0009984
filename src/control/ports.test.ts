// Who listens where, as the kernel says it.

import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { suite, test } from 'node:test'
import { listeners, overlaps, ownerOf, parseListeners } from './ports.ts'

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid'
const line = (local: string, state: string, inode: number): string =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000 0 0 ${inode} 1`

suite('the listeners in /proc/net/tcp', () => {
  test('are read with their addresses in the right order', () => {
    const text = [head, line('0100007F:1F90', '0A', 7), line('00000000:0050', '0A', 8), ''].join(
      '\n',
    )
    assert.deepEqual(parseListeners(text), [
      { host: '127.0.0.1', port: 8080, inode: '7' },
      { host: '0.0.0.0', port: 80, inode: '8' },
    ])
  })

  test('are read from IPv6 in one spelling', () => {
    const loopback = '00000000000000000000000001000000:1F90'
    const every = '00000000000000000000000000000000:0050'
    const text = [head, line(loopback, '0A', 7), line(every, '0A', 8)].join('\n')
    assert.deepEqual(
      parseListeners(text).map(({ host }) => host),
      ['::1', '::'],
    )
  })

  test('are those that accept, not those that are connected', () => {
    assert.deepEqual(parseListeners(line('0100007F:1F90', '01', 7)), [])
  })

  test('overlap when either is every address', () => {
    const one = { host: '127.0.0.1', port: 80, inode: '1' }
    assert.ok(overlaps(one, '0.0.0.0', 80))
    assert.ok(overlaps({ ...one, host: '::' }, '127.0.0.1', 80))
    assert.ok(!overlaps(one, '127.0.0.2', 80))
    assert.ok(!overlaps(one, '127.0.0.1', 81))
  })
})

test('the owner of a listening socket is found by name and id', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as { port: number }
    const there = listeners().find((listener) => overlaps(listener, '127.0.0.1', port))
    assert.ok(there !== undefined)
    const owner = ownerOf(there.inode)
    assert.equal(owner?.pid, process.pid)
    assert.match(owner?.name ?? '', /node/)
  } finally {
    server.close()
  }
})
