// Servers are spoken to under TLS, if they are who they should be; by either transport.

import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { suite, test } from 'node:test'
import { createServer, type TLSSocket } from 'node:tls'
import { makePair } from '../../../../../test/support/certificates.ts'
import {
  EdgeBed,
  get,
  ok,
  Peer,
  post,
  serverRow,
  type TableWish,
} from '../../../../../test/support/edge-bed.ts'
import { ms, openClock } from '../../../../foundation/time.ts'
import type { ServerTls, Target } from '../../../../health/model.ts'
import { openProber } from '../../../../health/probes/prober.ts'
import { NetTransport } from '../transport/net.ts'
import { RawTransport } from '../transport/raw.ts'

const own = makePair(['localhost', '127.0.0.1'])
const foreign = makePair(['elsewhere.example'])

/** A server under TLS that answers with what it got. */
async function secureOrigin(pair = own) {
  const sockets: TLSSocket[] = []
  const server = createServer({ cert: pair.certificate, key: pair.key }, async (socket) => {
    sockets.push(socket)
    const peer = new Peer(socket)
    for (;;) {
      try {
        const { body } = await peer.takeMessage()
        peer.send(ok(`secure ${body}`))
      } catch {
        return
      }
    }
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const trusted: ServerTls = { verify: true, trust: own.certificate, serverName: undefined }

const transports = {
  raw: (faulted: (thrown: unknown) => void) => new RawTransport(faulted),
  net: (faulted: (thrown: unknown) => void) => new NetTransport(faulted),
}

for (const [name, open] of Object.entries(transports)) {
  suite(`servers under TLS, by the ${name} transport`, () => {
    const status = async (tls: ServerTls, pair = own): Promise<string> => {
      await using origin = await secureOrigin(pair)
      await using bed = new EdgeBed(open)
      await bed.apply([serverRow('a', origin.port)], {
        pool: { tls, hold: { wait: ms(300), requests: 10, bytes: 10_000 } },
      })
      const { head } = await bed.ask(get())
      return head.split(' ')[1] ?? ''
    }

    test('carries requests to a server that is who it should be', async () => {
      await using origin = await secureOrigin()
      await using bed = new EdgeBed(open)
      await bed.apply([serverRow('a', origin.port)], { pool: { tls: trusted } })
      const body = 'x'.repeat(300_000)
      assert.equal((await bed.ask(post(body))).body === `secure ${body}`, true)
      assert.equal((await bed.ask(get())).body, 'secure ')
      assert.equal(origin.sockets.length, 1)
    })

    test('sends nothing to one that is not', async () => {
      assert.equal(await status({ ...trusted, serverName: 'other.example' }), '503')
      assert.equal(await status(trusted, foreign), '503')
      assert.equal(await status({ ...trusted, trust: undefined }), '503')
    })

    test('believes it where the file says so', async () => {
      assert.equal(await status({ ...trusted, verify: false }, foreign), '200')
    })

    test('carries TCP too', async () => {
      await using origin = await secureOrigin()
      await using bed = new EdgeBed(open)
      const wish: TableWish = { frontend: { mode: 'tcp' }, pool: { tls: trusted } }
      await bed.apply([serverRow('a', origin.port)], wish)
      assert.equal((await bed.ask(get())).body, 'secure ')
    })
  })
}

test('checks ask under TLS, and fail where a server is not who it should be', async () => {
  await using origin = await secureOrigin()
  using prober = openProber(openClock())
  const timing = { every: ms(1000), fast: ms(1000), timeout: ms(5000), rise: 1, fall: 1 }
  const http = { kind: 'http', method: 'GET', path: '/', host: undefined } as const
  const checks = [
    { ...timing, ...http, expect: [[200, 299]] as const },
    { ...timing, kind: 'tcp' } as const,
  ]
  for (const check of checks) {
    const ask = (tls: ServerTls) =>
      new Promise<string>((resolve) => {
        const place = { id: 'a', service: 'web', host: '127.0.0.1', incarnation: '' }
        const target: Target = { ...place, port: origin.port, check, tls }
        prober.probe(target, (seen) => resolve('reason' in seen ? String(seen.reason) : seen.kind))
      })
    assert.equal(await ask(trusted), 'passed')
    assert.match(await ask({ ...trusted, trust: foreign.certificate }), /certificate is refused/)
    assert.match(await ask({ ...trusted, serverName: 'x.example' }), /certificate is refused/)
  }
})
