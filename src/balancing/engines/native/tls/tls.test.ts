// A door under TLS does all that a plain one does, and is not to be held open or broken by anybody.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { type ConnectionOptions, type TLSSocket, connect as tlsTo } from 'node:tls'
import { sharedPair } from '../../../../../test/support/certificates.ts'
import { answering, EdgeBed, get, ok, Peer } from '../../../../../test/support/edge-bed.ts'
import type { EdgeSecrets, TableTls } from '../../../model.ts'

const ticketKey = () => ({ bytes: randomBytes(48).toString('base64') })

const secrets: EdgeSecrets = {
  certificates: [{ id: 'one', ...sharedPair() }],
  tickets: [ticketKey()],
  challenges: [],
}

const doorTls: TableTls = {
  certificates: [{ id: 'one', names: ['shop.example', '*.shop.example'] }],
  oldest: 'TLSv1.2',
  protocols: ['http/1.1'],
}

async function securedBed(tls: TableTls = doorTls, given = secrets) {
  const origin = await answering('a', (head) =>
    ok(`${/x-forwarded-proto: (\w+)/i.exec(head)?.[1]}`),
  )
  const bed = new EdgeBed()
  bed.edge.entrust(given)
  await bed.apply([origin.row()], { frontend: { tls } })
  const sockets: TLSSocket[] = []
  return {
    bed,
    origin,
    dial(options: ConnectionOptions = {}): { socket: TLSSocket; peer: Peer } {
      const socket = tlsTo({
        ...{ port: bed.port, host: '127.0.0.1', servername: 'shop.example' },
        ...{ rejectUnauthorized: false, ...options },
      })
      sockets.push(socket)
      return { socket, peer: new Peer(socket) }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await bed[Symbol.asyncDispose]()
      await origin[Symbol.asyncDispose]()
    },
  }
}

test('carries requests over TLS and tells servers that it was https', async () => {
  await using stage = await securedBed()
  const { socket, peer } = stage.dial({ ALPNProtocols: ['h2', 'http/1.1'] })
  peer.send(get())
  assert.equal((await peer.takeMessage()).body, 'https')
  peer.send(get())
  assert.equal((await peer.takeMessage()).body, 'https')
  assert.equal(socket.alpnProtocol, 'http/1.1')
})
