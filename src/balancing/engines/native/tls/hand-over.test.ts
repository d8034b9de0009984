// Edges that encrypt are exchanged without one refused or broken request, and sessions go on.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { sharedPair } from '../../../../../test/support/certificates.ts'
import { answering, get, ok, Peer, tableOf, until } from '../../../../../test/support/edge-bed.ts'
import {
  EdgeProcesses,
  freePort,
  type RunningEdge,
} from '../../../../../test/support/edge-processes.ts'
import { ms } from '../../../../foundation/time.ts'
import type { EdgeSecrets, TableTls } from '../../../model.ts'

const secrets: EdgeSecrets = {
  certificates: [{ id: 'one', ...sharedPair() }],
  tickets: [{ bytes: randomBytes(48).toString('base64') }],
  challenges: [],
}
const tls: TableTls = {
  certificates: [{ id: 'one', names: ['shop.example'] }],
  oldest: 'TLSv1.2',
  protocols: ['http/1.1'],
}

const routes = (edge: RunningEdge): Promise<void> =>
  until('an edge that routes', () => edge.told.some(({ kind }) => kind === 'routing'))

test('an edge that encrypts hands its listeners over under load', async () => {
  await using edges = new EdgeProcesses()
  await using origin = await answering('a', () => ok('hello'))
  const port = await freePort()
  const binds = [{ host: '127.0.0.1', port }]
  const table = tableOf(1, [origin.row()], { frontend: { binds, tls } })
  const start = async (name: string, handOver?: string): Promise<RunningEdge> => {
    const edge = await edges.start(1, name, handOver)
    edge.send({ kind: 'secrets', secrets })
    edge.send({ kind: 'table', table })
    return edge
  }
  const first = await start('first')
  await routes(first)

  let isOver = false
  let session: Buffer | undefined
  let asked = 0
  let resumed = 0
  const failures: unknown[] = []
  /** Connects anew for each request, with the session of the one before. */
  const ask = async (): Promise<void> => {
    while (!isOver) {
      const address = { port, host: '127.0.0.1', servername: 'shop.example' }
      const kept = session === undefined ? {} : { session }
      const socket = connect({ ...address, ...kept, rejectUnauthorized: false })
      const peer = new Peer(socket)
      try {
        peer.send(get())
        assert.equal((await peer.takeMessage()).body, 'hello')
        asked += 1
        if (socket.isSessionReused()) resumed += 1
        session = socket.getSession() ?? session
      } catch (thrown) {
        failures.push(thrown)
      }
      peer.close()
    }
  }
  const clients = Promise.all([ask(), ask(), ask(), ask()])
  await until('some requests', () => asked > 20)
  const second = await start('second', edges.handOverPath)
  first.send({ kind: 'hand-over', to: edges.handOverPath, within: ms(20_000) })
  await routes(second)
  await until('the end of the first edge', () => first.exitCode !== undefined)
  const before = { asked, resumed }
  await until('requests through the second', () => asked > before.asked + 20)
  isOver = true
  await clients
  assert.deepEqual(failures, [])
  assert.ok(resumed > before.resumed, 'the second edge takes up sessions of the first')
})
