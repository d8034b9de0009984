// A ClientHello is read however it comes in pieces, and nothing else is taken for one.

import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer } from 'node:net'
import { test } from 'node:test'
import { connect as tlsTo } from 'node:tls'
import { helloBytesMost, protocolList, readClientHello } from './client-hello.ts'

/** What this runtime's own client says first. */
async function realHello(serverName: string, protocols: string[]): Promise<Buffer> {
  const came = Promise.withResolvers<Buffer>()
  const server = createServer((socket) => {
    let all = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      all = Buffer.concat([all, chunk])
      if (readClientHello(all).kind === 'incomplete') return
      came.resolve(all)
      socket.destroy()
    })
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const client = tlsTo({
    ...{ socket: connect(port, '127.0.0.1'), servername: serverName },
    ALPNProtocols: protocols,
  })
  client.on('error', () => undefined)
  try {
    return await came.promise
  } finally {
    client.destroy()
    server.close()
  }
}

/** The same message in records of `size` bytes each. */
function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5)
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size)
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part)
  }
  return Buffer.concat(records)
}

test('reads the name and the protocols that a real client asks for', async () => {
  const hello = await realHello('Shop.Example', ['h2', 'http/1.1'])
  assert.deepEqual(readClientHello(hello), {
    ...{ kind: 'hello', serverName: 'shop.example', protocols: ['h2', 'http/1.1'] },
  })
})

test('waits for the rest of a hello at every byte, and in records of any size', async () => {
  const hello = await realHello('shop.example', ['http/1.1'])
  for (let length = 0; length < hello.length; length += 1) {
    assert.equal(readClientHello(hello.subarray(0, length)).kind, 'incomplete', `${length}`)
  }
  for (const size of [1, 2, 3, 4, 5, 37, 256]) {
    const pieces = inRecords(hello, size)
    assert.deepEqual(readClientHello(pieces), readClientHello(hello), `records of ${size}`)
    assert.equal(readClientHello(pieces.subarray(0, -1)).kind, 'incomplete')
  }
})

test('takes nothing else for a hello, and never throws', async () => {
  const hello = await realHello('shop.example', [])
  assert.equal(readClientHello(Buffer.from('GET / HTTP/1.1\r\n')).kind, 'other')
  const serverHello = Buffer.from(hello)
  serverHello[5] = 2
  assert.equal(readClientHello(serverHello).kind, 'other')
  const huge = Buffer.from([22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff])
  assert.equal(readClientHello(huge).kind, 'other')
  assert.equal(readClientHello(Buffer.from([22, 3, 1, 0, 0])).kind, 'other')
  for (let at = 5; at < hello.length; at += 1) {
    const changed = Buffer.from(hello)
    changed[at] = 0xff
    const { kind } = readClientHello(changed)
    assert.ok(['hello', 'incomplete', 'other'].includes(kind))
  }
  assert.ok(helloBytesMost >= hello.length)
})

test('writes a list of protocols as the extension has it', () => {
  assert.deepEqual(protocolList(['h2', 'http/1.1']).toString('latin1'), '\x02h2\x08http/1.1')
})
