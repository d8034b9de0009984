// Real agents on loopback: what is asked, what is heard, and that nothing stays open.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { suite, test } from 'node:test'
import { ms, openClock } from '../../foundation/time.ts'
import type { AgentCheck, AgentReport, Target } from '../model.ts'
import { openAgentAsker } from './agent.ts'

const agentAt = (port: number, more: Partial<AgentCheck> = {}): AgentCheck => ({
  ...{ host: undefined, port, every: ms(1000), timeout: ms(5000), send: '' },
  ...more,
})
const target: Target = {
  ...{ id: 'web-1', service: 'web', host: '127.0.0.1', port: 1, incarnation: '' },
  check: { kind: 'none' },
}

/** Asks an agent that behaves so, and waits until its connection is closed. */
async function hear(
  agent: (socket: Socket) => void,
  more: Partial<AgentCheck> = {},
): Promise<AgentReport | undefined> {
  using asker = openAgentAsker(openClock())
  const server = createServer((socket) => {
    socket.on('error', () => {})
    agent(socket)
  }).listen(0, '127.0.0.1')
  try {
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return await new Promise((resolve) => asker.ask(target, agentAt(port, more), resolve))
  } finally {
    const closed = once(server, 'close')
    server.close()
    await closed
  }
}

suite('an agent', () => {
  test('is heard when it closes after its words', async () => {
    const report = await hear((socket) => socket.end('drain'))
    assert.equal(report?.takes, 'drain')
  })

  test('is heard by its line, though it never closes', async () => {
    const report = await hear((socket) => {
      socket.write('up 7')
      setImmediate(() => socket.write('5%\n'))
    })
    assert.deepEqual(report, { says: 'up', weight: 75, line: 'up 75%' })
  })

  test('gets what the file says first', async () => {
    const report = await hear(
      (socket) => {
        socket.once('data', (asked) => socket.end(`maxconn:${asked.toString().trim()}\n`))
      },
      { send: '12\n' },
    )
    assert.equal(report?.maxConnections, 12)
  })

  test('that says nothing in time is not heard', async () => {
    assert.equal(await hear((socket) => socket.resume(), { timeout: ms(50) }), undefined)
  })

  test('that talks without end is not read without end', async () => {
    const report = await hear((socket) => {
      const more = (): void => {
        while (!socket.destroyed && socket.write('x'.repeat(4096)));
      }
      socket.on('drain', more)
      more()
    })
    assert.equal(report, undefined)
  })

  test('that cannot be reached is not heard', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    using asker = openAgentAsker(openClock())
    const report = await new Promise((resolve) => asker.ask(target, agentAt(port), resolve))
    assert.equal(report, undefined)
  })
})
