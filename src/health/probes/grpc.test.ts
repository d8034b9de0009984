// gRPC's health service, asked on loopback: by its own bytes, and as other servers answer.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { suite, test } from 'node:test'
import { ms, openClock } from '../../foundation/time.ts'
import type { Check, Sighting, Target } from '../model.ts'
import { healthRequest, healthStatus } from './grpc.ts'
import { openProber } from './prober.ts'

const grpc = {
  ...{ kind: 'grpc', service: 'shop.Orders', every: ms(1000), fast: ms(100) },
  ...{ timeout: ms(5000), rise: 1, fall: 1 },
} as const satisfies Check

async function ask(
  answer: (stream: ServerHttp2Stream, path: string, asked: Buffer) => void,
  check: Check = grpc,
  protocol?: 'http2',
): Promise<string> {
  using prober = openProber(openClock())
  const sessions = new Set<ServerHttp2Session>()
  const server = createServer().listen(0, '127.0.0.1')
  server.on('session', (session) => sessions.add(session))
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => answer(stream, String(headers[':path']), Buffer.concat(chunks)))
  })
  try {
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const target: Target = {
      ...{ id: 'a', service: 'web', incarnation: '', host: '127.0.0.1', port, check },
      ...(protocol === undefined ? {} : { protocol }),
    }
    const sighting = await new Promise<Sighting>((resolve) => prober.probe(target, resolve))
    return sighting.kind === 'passed' ? 'passed' : sighting.reason
  } finally {
    for (const session of sessions) session.destroy()
    server.close()
  }
}

const health =
  (message: readonly number[], status = '0') =>
  (stream: ServerHttp2Stream): void => {
    stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
    stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]))
  }

suite('a gRPC check', () => {
  test('says that the connection was refused, not that its stream was cancelled', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    using prober = openProber(openClock())
    const target: Target = {
      ...{ id: 'a', service: 'web', incarnation: '', host: '127.0.0.1', port, check: grpc },
    }
    const sighting = await new Promise<Sighting>((resolve) => prober.probe(target, resolve))
    assert.equal(sighting.kind === 'failed' && sighting.reason, 'connection refused')
  })

  test('passes what is serving, and asks for the service of the file', async () => {
    let asked = ''
    const seen = await ask((stream, path, body) => {
      asked = `${path} ${body.toString('hex')}`
      health([0x08, 1])(stream)
    })
    assert.equal(seen, 'passed')
    assert.equal(
      asked,
      `/grpc.health.v1.Health/Check ${healthRequest('shop.Orders').toString('hex')}`,
    )
    assert.equal(healthRequest('ab').toString('hex'), '00000000040a026162')
    assert.equal(healthRequest('').toString('hex'), '0000000000')
  })

  test('fails what says that it is not serving', async () => {
    assert.equal(await ask(health([0x08, 2])), 'it says NOT_SERVING')
    assert.equal(await ask(health([])), 'it says UNKNOWN')
  })

  test('fails a server without the service, with its status', async () => {
    const unimplemented = await ask((stream) =>
      stream.respond({ 'grpc-status': '12' }, { endStream: true }),
    )
    assert.equal(unimplemented, 'grpc-status 12')
    assert.equal(await ask(health([0x08, 1], '5')), 'grpc-status 5')
  })

  test('fails an answer that is none of gRPC', async () => {
    const web = await ask((stream) => stream.respond({ ':status': 404 }, { endStream: true }))
    assert.equal(web, 'status 404, expected 200')
    assert.equal(await ask((stream) => stream.end('hello')), 'grpc-status missing')
    assert.equal(healthStatus(Buffer.from('hello')), undefined)
    assert.equal(healthStatus(Buffer.from([0, 0, 0, 0, 3, 8, 1])), undefined)
  })

  test('fails a server that is silent, within its time', async () => {
    const check = { ...grpc, timeout: ms(100) }
    assert.equal(await ask(() => {}, check), 'no answer within 100ms')
  })
})

suite('an HTTP check of a server that speaks HTTP/2', () => {
  const check = {
    ...{ kind: 'http', method: 'GET', path: '/up', host: 'shop.example', expect: [[200, 299]] },
    ...{ every: ms(1000), fast: ms(100), timeout: ms(5000), rise: 1, fall: 1 },
  } as const satisfies Check
  const body = { contains: 'ready', lacks: undefined, matches: undefined }

  test('asks what one of HTTP/1.1 asks', async () => {
    let asked = ''
    const seen = await ask(
      (stream, path) => {
        asked = path
        stream.respond({ ':status': 204 })
      },
      check,
      'http2',
    )
    assert.deepEqual([seen, asked], ['passed', '/up'])
  })

  test('looks at status and body alike', async () => {
    const failing = await ask((stream) => stream.respond({ ':status': 500 }), check, 'http2')
    assert.equal(failing, 'status 500, expected 200-299')
    const ready = (stream: ServerHttp2Stream): void => void stream.end('we are ready')
    assert.equal(await ask(ready, { ...check, body }, 'http2'), 'passed')
    const steady = { ...check, body: { ...body, contains: 'steady' } }
    assert.match(await ask(ready, steady, 'http2'), /^its body does not contain/)
  })
})
