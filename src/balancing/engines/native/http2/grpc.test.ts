// gRPC through an edge, with clients and servers of gRPC's own: calls of every kind, and failures.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { suite, test } from 'node:test'
import * as grpc from '@grpc/grpc-js'
import { answering, EdgeBed, ok, serverRow, until } from '../../../../../test/support/edge-bed.ts'
import {
  block,
  frame,
  frameTypes,
  getFields,
  RawH2,
} from '../../../../../test/support/h2-client.ts'
import { ms } from '../../../../foundation/time.ts'
import type { TableServer } from '../../../model.ts'
import { insteadOf, isGrpc, readGrpcTimeout } from './grpc.ts'

const asIs = {
  requestSerialize: (text: string) => Buffer.from(text),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (text: string) => Buffer.from(text),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
}
const kinds = {
  unary: { path: '/Test/Unary', requestStream: false, responseStream: false, ...asIs },
  server: { path: '/Test/Server', requestStream: false, responseStream: true, ...asIs },
  client: { path: '/Test/Client', requestStream: true, responseStream: false, ...asIs },
  both: { path: '/Test/Both', requestStream: true, responseStream: true, ...asIs },
} satisfies grpc.ServiceDefinition

type Unary = grpc.handleUnaryCall<string, string>

/** A server of gRPC that says its name; `unary` may be another. */
async function openGrpc(id: string, unary?: Unary) {
  const server = new grpc.Server()
  const seen: string[] = []
  server.addService(kinds, {
    unary:
      unary ??
      ((call: grpc.ServerUnaryCall<string, string>, done: grpc.sendUnaryData<string>) => {
        seen.push(call.request)
        const trailers = new grpc.Metadata()
        trailers.set('x-by', id)
        if (call.request === 'fail') {
          done({ code: grpc.status.FAILED_PRECONDITION, details: 'not so' })
        } else done(null, `${id} ${call.request}`, trailers)
      }),
    server: (call: grpc.ServerWritableStream<string, string>) => {
      for (let n = 0; n < 100; n += 1) call.write(`${call.request} ${n}`)
      if (call.request !== 'open') call.end()
    },
    client: (call: grpc.ServerReadableStream<string, string>, done: grpc.sendUnaryData<string>) => {
      let sum = ''
      call.on('data', (text: string) => {
        sum += text
      })
      call.on('end', () => done(null, sum))
    },
    both: (call: grpc.ServerDuplexStream<string, string>) => {
      call.on('data', (text: string) => call.write(`<${text}>`))
      call.on('end', () => call.end())
    },
  })
  const credentials = grpc.ServerCredentials.createInsecure()
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  return {
    seen,
    kill: () => server.forceShutdown(),
    row: (differs: Partial<TableServer> = {}) => ({ ...serverRow(id, port), ...differs }),
    [Symbol.dispose]: () => server.forceShutdown(),
  }
}

const Client = grpc.makeGenericClientConstructor(kinds, 'Test')

async function openWorld(servers: readonly TableServer[], speaks: 'http1' | 'http2' = 'http2') {
  const bed = new EdgeBed()
  const keptBodies = { each: 64 * 1024, bytes: 1_000_000 }
  const pool = { keptBodies, ...(speaks === 'http2' ? { protocol: speaks } : {}) }
  await bed.apply(servers, { pool })
  const credentials = grpc.credentials.createInsecure()
  const client = new Client(`127.0.0.1:${bed.port}`, credentials)
  return {
    bed,
    client,
    apply: (rows: readonly TableServer[]) => bed.apply(rows, { pool }),
    /** One call, its answer, and its trailers or its error. */
    call(request: string, options: grpc.CallOptions = {}) {
      const trailers = Promise.withResolvers<grpc.Metadata>()
      const answer = new Promise<string>((resolve, reject) => {
        const call = client.unary!(
          request,
          new grpc.Metadata(),
          options,
          (error: grpc.ServiceError | null, text: string) =>
            error === null ? resolve(text) : reject(error),
        )
        call.on('status', (status: grpc.StatusObject) => trailers.resolve(status.metadata))
      })
      return { answer, trailers: trailers.promise }
    },
    async [Symbol.asyncDispose]() {
      client.close()
      const faults = bed.told.filter((one) => one.kind === 'event' && one.rule === 'edge-fault')
      await bed[Symbol.asyncDispose]()
      assert.deepEqual(faults, [])
    },
  }
}

const codeOf = (call: { readonly answer: Promise<string> }): Promise<unknown> =>
  call.answer.then(
    (text) => text,
    (error: grpc.ServiceError) => error.code,
  )

suite('gRPC through an edge', () => {
  test('calls, with metadata in the trailers', async () => {
    using web = await openGrpc('web-1')
    await using world = await openWorld([web.row()])
    const call = world.call('hello')
    assert.equal(await call.answer, 'web-1 hello')
    assert.deepEqual((await call.trailers).get('x-by'), ['web-1'])
  })

  test('passes on what the server itself says went wrong', async () => {
    using web = await openGrpc('web-1')
    await using world = await openWorld([web.row()])
    const error = await world.call('fail').answer.catch((thrown: grpc.ServiceError) => thrown)
    assert.ok(error instanceof Error)
    assert.equal(error.code, grpc.status.FAILED_PRECONDITION)
    assert.equal(error.details, 'not so')
  })

  test('streams down, up, and both ways', async () => {
    using web = await openGrpc('web-1')
    await using world = await openWorld([web.row()])
    const down: string[] = []
    const reading = world.client.server!('n') as grpc.ClientReadableStream<string>
    for await (const text of reading) down.push(text)
    assert.equal(down.length, 100)
    assert.equal(down.at(-1), 'n 99')

    const up = new Promise((resolve, reject) => {
      const call = world.client.client!((error: Error | null, text: string) =>
        error === null ? resolve(text) : reject(error),
      ) as grpc.ClientWritableStream<string>
      for (const text of ['a', 'b', 'c']) call.write(text)
      call.end()
    })
    assert.equal(await up, 'abc')

    const both = world.client.both!() as grpc.ClientDuplexStream<string, string>
    for (const word of ['x', 'y']) {
      both.write(word)
      const [echo] = await once(both, 'data')
      assert.equal(echo, `<${word}>`)
    }
    both.end()
    both.resume()
    await once(both, 'end')
  })

  test('a server that dies in the middle of a stream is heard to do so', async () => {
    using web = await openGrpc('web-1')
    await using world = await openWorld([web.row()])
    const reading = world.client.server!('open') as grpc.ClientReadableStream<string>
    await once(reading, 'data')
    const failed = once(reading, 'error')
    reading.resume()
    web.kill()
    const [error] = await failed
    const { UNAVAILABLE, INTERNAL, CANCELLED, UNKNOWN } = grpc.status
    assert.ok([UNAVAILABLE, INTERNAL, CANCELLED, UNKNOWN].includes(error.code), `${error.code}`)
  })

  test('a server that drains: calls go on without an error', async () => {
    using first = await openGrpc('web-1')
    using second = await openGrpc('web-2')
    await using world = await openWorld([first.row(), second.row()])
    const answers: string[] = []
    for (let n = 0; n < 60; n += 1) {
      if (n === 20) await world.apply([first.row({ state: 'draining' }), second.row()])
      if (n === 40) await world.apply([second.row()])
      answers.push(await world.call(`${n}`).answer)
    }
    assert.equal(answers.length, 60)
    assert.ok(answers.slice(20).every((text) => text.startsWith('web-2')))
  })

  test('a server that was killed costs nobody a call that it had not begun', async () => {
    using first = await openGrpc('web-1')
    using second = await openGrpc('web-2')
    await using world = await openWorld([first.row(), second.row()])
    await world.call('warm').answer
    await world.call('warm').answer
    first.kill()
    const codes: unknown[] = []
    for (let n = 0; n < 20; n += 1) codes.push(await codeOf(world.call(`${n}`)))
    const failed = codes.filter((code) => typeof code === 'number')
    // The one that was being sent when the connection broke may have been executed.
    assert.ok(failed.length <= 1, `${failed}`)
    assert.equal(
      new Set([...first.seen, ...second.seen].filter((one) => one !== 'warm')).size,
      20 - failed.length,
    )
  })

  test('what we answer ourselves is said in the words of gRPC', async () => {
    await using nobody = await openWorld([])
    await nobody.bed.apply([], { pool: { hold: { wait: ms(0), requests: 0, bytes: 0 } } })
    assert.equal(await codeOf(nobody.call('x')), grpc.status.UNAVAILABLE)
    const routes = [{ host: 'other', path: undefined, pool: 'web', policy: 'random' as const }]
    await nobody.bed.apply([], { frontend: { routes } })
    assert.equal(await codeOf(nobody.call('x')), grpc.status.UNIMPLEMENTED)
  })

  test('a deadline ends a call that is held, and is heard as such', async () => {
    await using world = await openWorld([])
    const call = world.call('x', { deadline: Date.now() + 400 })
    await until('it is held', () => world.bed.report.frontends.public!.held === 1)
    assert.equal(await codeOf(call), grpc.status.DEADLINE_EXCEEDED)
    await until('nothing is held', () => world.bed.report.frontends.public!.held === 0)
  })

  test('calls whose deadline passes with their bodies unread leave their places', async () => {
    await using web = await answering('web-1', () => ok('served'))
    await using bed = new EdgeBed()
    const hold = { wait: ms(60_000), requests: 1000, bytes: 10_000_000 }
    await bed.apply([web.row({ state: 'down' })], { pool: { hold } })
    using client = new RawH2(bed.port)
    const call = [
      ...getFields().with(0, [':method', 'POST']),
      ...[['content-type', 'application/grpc'] as const, ['grpc-timeout', '100m'] as const],
    ]
    const { headers, data, settings } = frameTypes
    // What is allowed counts once the client has heard it.
    client.send(frame(settings, 1, 0, Buffer.alloc(0)))
    const streams = Array.from({ length: 128 }, (_, n) => 2 * n + 1)
    for (const stream of streams) {
      client.send(frame(headers, 0x4, stream, block(call)))
      client.send(
        frame(data, 0, stream, Buffer.from('a')),
        frame(data, 1, stream, Buffer.from('b')),
      )
    }
    for (const stream of streams) await client.frame(headers, stream)
    await bed.apply([web.row()], { pool: { hold } })
    client.ask(257, getFields())
    await until('a word', () => client.frames.some(({ stream }) => stream === 257))
    assert.equal(client.frames.find(({ stream }) => stream === 257)?.type, headers)
  })

  test('a call that is held is answered when its server comes up', async () => {
    using web = await openGrpc('web-1')
    await using world = await openWorld([web.row({ state: 'down' })])
    const call = world.call('late', { deadline: Date.now() + 20_000 })
    await until('it is held', () => world.bed.report.frontends.public!.held === 1)
    await world.apply([web.row()])
    assert.equal(await call.answer, 'web-1 late')
  })

  test('a server that knows nothing of gRPC is UNIMPLEMENTED', async () => {
    await using web = await answering('web-1', () =>
      ok('not found').replace('200 OK', '404 Not Found'),
    )
    await using world = await openWorld([web.row()], 'http1')
    assert.equal(await codeOf(world.call('x')), grpc.status.UNIMPLEMENTED)
  })
})

test('knows gRPC by its content type, and its time-outs', () => {
  assert.ok(isGrpc('application/grpc'))
  assert.ok(isGrpc('application/grpc+proto'))
  assert.ok(!isGrpc('application/grpc-web+proto'))
  assert.ok(!isGrpc(undefined))
  assert.equal(readGrpcTimeout('10S'), 10_000)
  assert.equal(readGrpcTimeout('1500m'), 1500)
  assert.equal(readGrpcTimeout('2M'), 120_000)
  assert.equal(readGrpcTimeout('123456789S'), undefined)
  assert.equal(readGrpcTimeout('5'), undefined)
  assert.equal(insteadOf(503)[5], '14')
  assert.equal(insteadOf(418)[5], '2')
})
