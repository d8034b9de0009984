// What people are told when an authority cannot be reached, and how an order ends that is told to.

import assert from 'node:assert/strict'
import { createServer as createHttp } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { restingPorts } from '../../../../bench/lib/ports.ts'
import { makePair } from '../../../../test/support/certificates.ts'
import { Fault } from '../../../foundation/fault.ts'
import { openClock } from '../../../foundation/time.ts'
import type { AcmeWish } from '../../model.ts'
import type { SecretStore } from '../../store.ts'
import { openAcmeIssuer } from './issuer.ts'

const wishOf = (directory: string, trust?: string): AcmeWish => ({
  ...{ directory, email: undefined, names: ['shop.example'] },
  ...{ challenge: 'http-01', trust },
})

const proof = { show: () => Promise.resolve(), hide: () => Promise.resolve() }

function inMemory(): SecretStore {
  const kept = new Map<string, string>()
  return {
    read: (name) => Promise.resolve(kept.get(name)),
    write: (name, text) => Promise.resolve(void kept.set(name, text)),
  }
}

const order = (wish: AcmeWish, signal = new AbortController().signal) =>
  openAcmeIssuer(openClock()).issue(wish, proof, inMemory(), signal)

async function listening(server: Server | ReturnType<typeof createHttp>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

test('says which authority cannot be reached, and why', async () => {
  const [port] = await restingPorts(1)
  const directory = `https://127.0.0.1:${port}/dir`
  await assert.rejects(order(wishOf(directory)), (thrown) => {
    assert.ok(thrown instanceof Fault, String(thrown))
    assert.equal(thrown.code, 'unreachable')
    assert.equal(thrown.message, `${directory} cannot be reached: ECONNREFUSED`)
    return true
  })
})

test('passes on what an authority answers', async () => {
  const server = createHttp((_, response) => response.writeHead(503).end('{}'))
  try {
    const directory = `http://127.0.0.1:${await listening(server)}/dir`
    await assert.rejects(order(wishOf(directory)), /returned error 503/)
  } finally {
    server.close()
  }
})

test('believes for each authority whom the file names, also of two asked at once', async () => {
  const pairs = [makePair(['127.0.0.1']), makePair(['127.0.0.1'])]
  const servers = pairs.map(({ certificate: cert, key }) =>
    createServer({ cert, key }, (_, response) => response.writeHead(418).end('{}')),
  )
  try {
    const orders: Promise<unknown>[] = []
    for (const [at, server] of servers.entries()) {
      const port = await listening(server)
      const said = order(wishOf(`https://127.0.0.1:${port}/dir`, pairs[at]?.certificate))
      orders.push(said.catch((thrown: unknown) => String(thrown)))
    }
    for (const said of await Promise.all(orders)) assert.match(String(said), /returned error 418/)
  } finally {
    for (const server of servers) server.close()
  }
})

test('an order ends as soon as it is told to', async () => {
  const asked = Promise.withResolvers<void>()
  const server = createHttp(() => asked.resolve())
  try {
    const directory = `http://127.0.0.1:${await listening(server)}/dir`
    const end = new AbortController()
    const said = assert.rejects(order(wishOf(directory), end.signal), /the agent ends/)
    await asked.promise
    end.abort(new Error('the agent ends'))
    await said
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
