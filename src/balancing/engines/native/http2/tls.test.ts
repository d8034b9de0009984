// HTTP/2 under TLS: chosen in the handshake, and then as without.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { suite, test } from 'node:test'
import { promisify } from 'node:util'
import { sharedPair } from '../../../../../test/support/certificates.ts'
import { answering, EdgeBed, ok, until } from '../../../../../test/support/edge-bed.ts'
import { H2Client } from '../../../../../test/support/h2-client.ts'
import { ms } from '../../../../foundation/time.ts'
import { NetTransport } from '../transport/net.ts'
import { RawTransport } from '../transport/raw.ts'
import type { Transport } from '../transport/transport.ts'

const tls = {
  certificates: [{ id: 'one', names: ['shop.example'] }],
  oldest: 'TLSv1.2',
  protocols: ['h2', 'http/1.1'],
} as const

type Open = (faulted: (thrown: unknown) => void) => Transport

async function openBed(open: Open, answer: (head: string, body: string) => string) {
  const web = await answering('web-1', answer)
  const bed = new EdgeBed(open)
  const certificates = [{ id: 'one', ...sharedPair() }]
  bed.edge.entrust({ certificates, tickets: [], challenges: [] })
  await bed.apply([web.row()], { frontend: { tls } })
  return {
    bed,
    web,
    async [Symbol.asyncDispose]() {
      const faults = bed.told.filter((one) => one.kind === 'event' && one.rule === 'edge-fault')
      await bed[Symbol.asyncDispose]()
      await web[Symbol.asyncDispose]()
      assert.deepEqual(faults, [])
    },
  }
}

const transports: readonly (readonly [string, Open])[] = [
  ['raw', (faulted) => new RawTransport(faulted)],
  ['net', (faulted) => new NetTransport(faulted)],
]

for (const [name, open] of transports) {
  suite(`HTTP/2 under TLS, over the ${name} transport`, () => {
    test('is chosen by who offers it, and servers hear that it was https', async () => {
      await using world = await openBed(open, () => ok('hello'))
      using client = new H2Client(world.bed.port, 'https')
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => client.ask({ ':path': '/' })),
      )
      assert.ok(answers.every(({ body }) => body === 'hello'))
      assert.match(world.web.seen[0]!, /\r\nX-Forwarded-Proto: https\r\n/)
      assert.equal(world.bed.report.frontends.public!.connections, 1)
    })

    test('carries large bodies both ways', async () => {
      await using world = await openBed(open, (_, body) => ok(body))
      using client = new H2Client(world.bed.port, 'https')
      const body = Buffer.alloc(2_000_000, 'abcdefg').toString('latin1')
      const headers = { ':method': 'POST', ':path': '/', 'content-length': body.length }
      const answers = await Promise.all([client.ask(headers, body), client.ask(headers, body)])
      assert.ok(answers.every((answer) => answer.body === body))
    })

    test('ends with a goodbye when the edge leaves', async () => {
      await using world = await openBed(open, () => ok('hello'))
      using client = new H2Client(world.bed.port, 'https')
      await client.ask({ ':path': '/' })
      await world.bed.edge.leave(ms(20_000), false)
      await until('it is told', () => client.goaway === 0)
    })

    test('is not forced on who does not offer it', async () => {
      await using world = await openBed(open, () => ok('hello'))
      const run = promisify(execFile)
      const versions: string[] = []
      for (const version of ['--http1.1', '--http2']) {
        const url = `https://shop.example:${world.bed.port}/`
        const { stdout } = await run('curl', [
          ...['-sSk', '--max-time', '20', version, url, '-w', ' %{http_version}'],
          ...['--resolve', `shop.example:${world.bed.port}:127.0.0.1`],
        ])
        versions.push(stdout)
      }
      assert.deepEqual(versions, ['hello 1.1', 'hello 2'])
    })
  })
}
