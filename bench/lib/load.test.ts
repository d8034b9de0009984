// Does the load count honestly? A failure that it hid would be a lie in every table.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { type Outcome, startLoad, tally } from './load.ts'

const requests = 40

/** Asks a server whose behaviour is `behave`, called at each request of a connection. */
async function load(
  behave: (socket: Socket, count: number) => void,
  deadline = 5000,
): Promise<readonly Outcome[]> {
  let count = 0
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', () => {
      count += 1
      behave(socket, count)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const running = startLoad({ port, rate: 200, deadline, count: requests })
  await running.done
  const outcomes = await running.stop()
  for (const socket of sockets) socket.destroy()
  server.close()
  return outcomes
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

test('accounts for every request, once', async () => {
  const outcomes = await load((socket) => socket.write(ok))
  assert.equal(outcomes.length, requests)
  assert.equal(tally(outcomes).failed, 0)
})

test('takes no offence at a connection that is closed between two requests', async () => {
  const outcomes = await load((socket, count) => {
    if (count % 3 === 0) socket.end(`${ok.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`)
    else socket.write(ok)
  })
  assert.equal(tally(outcomes).failed, 0)
})

test('counts a request that was sent and reset as failed, and does not repeat it', async () => {
  let seen = 0
  const outcomes = await load((socket, count) => {
    seen += 1
    if (count % 4 === 0) socket.resetAndDestroy()
    else socket.write(ok)
  })
  assert.equal(seen, requests)
  assert.equal(tally(outcomes).failed, requests / 4)
  assert.match(tally(outcomes).failures, /ECONNRESET×10/)
})

test('counts an answer that is cut short as failed', async () => {
  const outcomes = await load((socket, count) => {
    if (count % 4 === 0) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
    else socket.write(ok)
  })
  assert.equal(tally(outcomes).failed, requests / 4)
})

test('counts every status but 200 as failed, by its kind', async () => {
  const outcomes = await load((socket, count) =>
    socket.write(count % 4 === 0 ? ok.replace('200', '503') : ok),
  )
  assert.equal(tally(outcomes).failures, '503×10')
})

test('gives up at the deadline, and says so', async () => {
  const outcomes = await load((socket, count) => {
    if (count % 4 !== 0) socket.write(ok)
  }, 200)
  assert.match(tally(outcomes).failures, /timeout×10/)
})

test('counts latency from when a request was due, and what is late as slow', () => {
  const outcome = { due: 0, status: 200, error: '', server: '' }
  const counted = tally([
    { ...outcome, latency: 10 },
    { ...outcome, latency: 1500 },
    { ...outcome, latency: 1500, status: 503 },
  ])
  assert.equal(counted.slow, 1)
  assert.equal(counted.failed, 1)
  assert.equal(counted.latencyMost, 1500)
})
