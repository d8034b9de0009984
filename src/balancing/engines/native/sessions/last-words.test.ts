// What a client says as it goes: under TLS it comes in one read with the end of the connection.

import assert from 'node:assert/strict'
import { connect as socketTo } from 'node:net'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { sharedPair } from '../../../../../test/support/certificates.ts'
import { EdgeBed, Origin, until } from '../../../../../test/support/edge-bed.ts'
import { messageOf } from '../../../../wire/postgresql/messages.ts'

const message = (type: string, body: string): Buffer =>
  messageOf(type.charCodeAt(0), Buffer.from(body, 'latin1'))
const welcome = [message('R', '\0\0\0\0'), message('K', 'pppp0001'), message('Z', 'I')]
const body = 'user\0app\0\0'
const startup = Buffer.from(`\0\0\0${String.fromCharCode(8 + body.length)}\0\x03\0\0${body}`)
const askForTls = Buffer.from('\0\0\0\x08\x04\xd2\x16\x2f', 'latin1')
const goodbye = message('X', '')

test('what a client says as it goes still reaches its server', async () => {
  await using stack = new AsyncDisposableStack()
  await using a = await Origin.open('a', (peer) => {
    void peer.take('app\0\0').then(() => peer.socket.write(Buffer.concat(welcome)))
  })
  await using bed = new EdgeBed()
  const certificates = [{ id: 'one', ...sharedPair() }]
  bed.edge.entrust({ certificates, tickets: [], challenges: [] })
  const tls = {
    certificates: [{ id: 'one', names: ['shop.example'] }],
    oldest: 'TLSv1.2',
    protocols: [],
  } as const
  await bed.apply([a.row()], { frontend: { mode: 'tcp', speaks: 'postgresql', tls } })

  const socket = socketTo(bed.port, '127.0.0.1')
  stack.defer(() => void socket.destroy())
  let isAnswered = false
  let isHeld = false
  const held: Buffer[] = []
  const below = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _, done) => {
      if (isHeld) held.push(chunk)
      else socket.write(chunk)
      done()
    },
  })
  socket.on('data', (chunk: Buffer) => {
    if (isAnswered) below.push(chunk)
    isAnswered = true
  })
  socket.write(askForTls)
  await until('TLS may begin', () => isAnswered)

  const client = connect({ socket: below, servername: 'shop.example', rejectUnauthorized: false })
  let heard = 0
  client.on('data', (chunk: Buffer) => {
    heard += chunk.length
  })
  client.write(startup)
  await until('it is in', () => heard === Buffer.concat(welcome).length)
  isHeld = true
  client.end(goodbye)
  await until('it has said that it goes', () => held.length >= 2)
  socket.end(Buffer.concat(held))
  assert.equal(await a.peers[0]?.takeEnd(), goodbye.toString('latin1'))
})
