// A server with a limit of one behind two edges: never two requests at once, and none is lost.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as listen } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Peer, serverRow, tableOf, until } from '../../../../test/support/edge-bed.ts'
import { openRandom } from '../../../foundation/random.ts'
import { ms, openClock } from '../../../foundation/time.ts'
import { openNativeBalancer } from './engine.ts'

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = listen()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('two edges together never exceed a limit of one, and serve everybody', async () => {
  await using stack = new AsyncDisposableStack()
  let [now, most] = [0, 0]
  const origin = createServer((_, answer) => {
    now += 1
    most = Math.max(most, now)
    setImmediate(() => {
      now -= 1
      answer.end('ok')
    })
  })
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  stack.defer(() => {
    origin.closeAllConnections()
    origin.close()
  })
  const folder = mkdtempSync(join(tmpdir(), 'ao-limit-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const nothing = (): void => undefined
  const listener = { changed: nothing, signal: nothing, counted: nothing, event: nothing }
  const clock = openClock()
  const options = { folder, clock, random: openRandom(), listener }
  const balancer = await openNativeBalancer({ ...options, version: '0.1.0' })
  stack.defer(() => balancer.stop(ms(0)))
  const port = await freePort()
  const { port: at } = origin.address() as AddressInfo
  const wish = {
    frontend: { binds: [{ host: '127.0.0.1', port }] },
    pool: { hold: { wait: ms(60_000), requests: 1000, bytes: 10_000_000 } },
  }
  await balancer.apply(tableOf(1, [{ ...serverRow('web-1', at), maxConnections: 1 }], wish), 2)
  const routing = () => balancer.observe().filter(({ state }) => state === 'routing')
  await until('both edges route', () => routing().length === 2)
  const peers = Array.from({ length: 24 }, () => {
    const peer = new Peer(connect({ port, host: '127.0.0.1' }))
    stack.defer(() => peer.close())
    return peer
  })
  for (let round = 0; round < 3; round += 1) {
    for (const peer of peers) peer.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    for (const peer of peers) assert.match((await peer.takeMessage()).head, /^HTTP\/1\.1 200/)
  }
  assert.equal(most, 1)
  const carried = balancer.observe().map(({ report }) => report?.frontends.public?.connections)
  assert.ok(carried.every((count) => count !== undefined))
})
