// Certificates from an authority, from the file to the client: issued, renewed, kept, and shown on
// when the authority is gone.

import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, suite, test } from 'node:test'
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import { restingPorts } from '../../bench/lib/ports.ts'
import { type Agent, openAgent } from '../../src/agent/agent.ts'
import { type StatePaths, statePaths } from '../../src/agent/paths.ts'
import { sweep } from '../../src/agent/sweep.ts'
import { parseSource } from '../../src/spec/read.ts'
import { openPebble, type Pebble, pebbleMissing } from '../engines/pebble.ts'
import { Peer, until } from '../support/edge-bed.ts'

suite('certificates from an authority', { skip: pebbleMissing() }, () => {
  let origin: Server
  let folder: string
  let paths: StatePaths
  let plain: number
  let secure: number
  const agents: Agent[] = []
  const sockets: TLSSocket[] = []
  const authorities: Pebble[] = []

  before(async () => {
    origin = createServer((_, response) => response.end('hello'))
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  })
  after(() => origin.close())
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ao-acme-'))
    paths = statePaths(join(folder, 'alwayson.yaml'), undefined)
    // What is chosen next must not be given these, while nobody listens there yet.
    ;[plain = 0, secure = 0] = await restingPorts(2)
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    for (const agent of agents.splice(0)) await agent.down(false)
    await sweep(paths)
    for (const authority of authorities.splice(0)) await authority.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const authority = async (validSeconds?: number): Promise<Pebble> => {
    const wish = { httpPort: plain, tlsPort: secure }
    const pebble = await openPebble(validSeconds === undefined ? wish : { ...wish, validSeconds })
    authorities.push(pebble)
    copyFileSync(pebble.ca, join(folder, 'ca.pem'))
    return pebble
  }

  const open = async ({ directory }: Pebble, challenge: string): Promise<Agent> => {
    const path = join(folder, 'alwayson.yaml')
    const text = `
name: shop
edges: 2
services:
  web: { servers: ["127.0.0.1:${(origin.address() as AddressInfo).port}"], check: none }
frontends:
  plain: { bind: "127.0.0.1:${plain}", redirect: { to: https, port: ${secure} } }
  secure:
    bind: "127.0.0.1:${secure}"
    routes: [{ host: shop.example, to: web }, { host: www.shop.example, to: web }]
    tls:
      acme:
        directory: ${directory}
        email: ops@shop.example
        agree_to_terms: true
        challenge: ${challenge}
        ca: ca.pem
`
    const parsed = await parseSource({ path, text }, {}, 2)
    assert.ok(parsed.kind === 'spec', JSON.stringify(parsed))
    const { spec } = parsed
    const read = { spec, file: { path, text, env: {} } }
    const agent = await openAgent({ paths, read, parse: () => Promise.resolve(spec) })
    agents.push(agent)
    await until('edges that route', () =>
      agent.status().edges.every(({ state }) => state === 'routing'),
    )
    return agent
  }

  const dial = async (): Promise<TLSSocket> => {
    const address = { port: secure, host: '127.0.0.1', servername: 'www.shop.example' }
    const socket = connect({ ...address, rejectUnauthorized: false })
    sockets.push(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
    })
    return socket
  }

  const shown = async (): Promise<PeerCertificate> => {
    const socket = await dial()
    const certificate = socket.getPeerCertificate()
    socket.destroy()
    return certificate
  }

  const issued = async (): Promise<PeerCertificate> => {
    let certificate = await shown()
    await until('a certificate of the authority', () => {
      void shown().then((next) => {
        certificate = next
      })
      return /Pebble/.test(String(certificate.issuer.CN))
    })
    return certificate
  }

  const noted = (agent: Agent, rule: string) =>
    agent.journal.recent().filter((entry) => entry.rule === rule)

  for (const challenge of ['http-01', 'tls-alpn-01']) {
    test(`gets one by ${challenge}, shows a placeholder until then, and keeps it`, async () => {
      const pebble = await authority()
      const agent = await open(pebble, challenge)
      const early = new Peer(await dial())
      const certificate = await issued()
      assert.match(certificate.subjectaltname ?? '', /DNS:shop\.example.*DNS:www\.shop\.example/)
      assert.equal(noted(agent, 'certificate-issued').length, 1)

      early.send('GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n')
      assert.equal((await early.takeMessage()).body, 'hello')

      const secrets = join(paths.folder, 'certificates', 'acme')
      for (const name of readdirSync(secrets)) {
        assert.equal(statSync(join(secrets, name)).mode & 0o777, 0o600, name)
      }
      await agent.down(true)
      await pebble.stop()
      await open(pebble, challenge)
      assert.equal((await shown()).fingerprint256, certificate.fingerprint256)
    })
  }

  test('sends everybody else to https', async () => {
    await open(await authority(), 'http-01')
    const answer = await fetch(`http://127.0.0.1:${plain}/a?b=c`, { redirect: 'manual' })
    assert.equal(answer.status, 308)
    assert.equal(answer.headers.get('location'), `https://127.0.0.1:${secure}/a?b=c`)
  })

  test('renews in time, without a restart, and shows what it has when that fails', async () => {
    const pebble = await authority(9)
    const agent = await open(pebble, 'http-01')
    const first = await issued()
    const pids = agent.status().edges.map(({ pid }) => pid)
    await until('a second one', () => noted(agent, 'certificate-issued').length > 1)
    await pebble.stop()
    await until('a failure', () => noted(agent, 'certificate-not-issued').length > 0)
    const last = await shown()
    assert.match(String(last.issuer.CN), /Pebble/)
    assert.notEqual(last.fingerprint256, first.fingerprint256)
    assert.deepEqual(
      agent.status().edges.map(({ pid }) => pid),
      pids,
    )
  })
})
