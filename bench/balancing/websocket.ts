// WebSocket messages: clients that each send one, wait for its echo, and send the next.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { cpuMicros } from '../lib/processes.ts'
import { quantile } from '../lib/report.ts'
import type { OpenProxy, Run } from './load.ts'

/** One text frame of 64 bytes as a client masks it (RFC 6455 5.2). */
function frame(): Buffer {
  const mask = randomBytes(4)
  const payload = Buffer.alloc(64, 'm').map((byte, index) => byte ^ (mask[index % 4] ?? 0))
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, payload])
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  socket.write(
    'GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  const [head] = (await once(socket, 'data')) as [Buffer]
  if (!head.toString('latin1').startsWith('HTTP/1.1 101'))
    throw new Error(`no upgrade: ${head.toString('latin1')}`)
  return socket
}

/** `connections` clients for `seconds`; the cost is for a message there and back. */
export async function webSockets(
  proxy: OpenProxy,
  seconds: number,
  connections = 64,
): Promise<Run> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(proxy.port)))
  const times: number[] = []
  let errors = 0
  const message = frame()
  for (const socket of sockets) {
    let got = 0
    let sentAt = performance.now()
    socket.on('error', () => {
      errors += 1
    })
    socket.on('data', (chunk) => {
      got += chunk.length
      if (got < message.length) return
      got -= message.length
      const now = performance.now()
      times.push(now - sentAt)
      sentAt = now
      socket.write(message)
    })
  }
  const before = cpuMicros(proxy.pids)
  for (const socket of sockets) socket.write(message)
  await pause(seconds * 1000)
  const cpu = cpuMicros(proxy.pids) - before
  for (const socket of sockets) socket.destroy()
  times.sort((a, b) => a - b)
  return {
    cost: cpu / times.length,
    perSecond: times.length / seconds,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    errors,
  }
}
