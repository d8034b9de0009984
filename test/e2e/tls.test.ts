// TLS from the file to the client: certificates that change while it runs, sessions that outlive
// edges and agents.

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, suite, test } from 'node:test'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { type Agent, openAgent } from '../../src/agent/agent.ts'
import { type StatePaths, statePaths } from '../../src/agent/paths.ts'
import { sweep } from '../../src/agent/sweep.ts'
import { identify, signalProcess } from '../../src/control/processes.ts'
import { parseSource } from '../../src/spec/read.ts'
import { makePair } from '../support/certificates.ts'
import { Peer, until } from '../support/edge-bed.ts'
import { freePort } from '../support/edge-processes.ts'

suite('TLS', () => {
  let origin: Server
  let folder: string
  let paths: StatePaths
  let port: number
  const agents: Agent[] = []
  const sockets: TLSSocket[] = []

  before(async () => {
    origin = createServer((request, response) => {
      response.end(`${request.headers['x-forwarded-proto']}`)
    })
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  })
  after(() => origin.close())
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ao-tls-'))
    paths = statePaths(join(folder, 'alwayson.yaml'), undefined)
    port = await freePort()
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    for (const agent of agents.splice(0)) await agent.down(false)
    await sweep(paths)
    rmSync(folder, { recursive: true, force: true })
  })

  const certify = (name: string, ...names: readonly string[]): void => {
    const { certificate, key } = makePair(names)
    writeFileSync(join(folder, `${name}.pem`), certificate)
    writeFileSync(join(folder, `${name}.key`), key, { mode: 0o600 })
  }

  const fileOf = (...certificates: readonly string[]): string => `
name: shop
edges: 2
services:
  web: { servers: ["127.0.0.1:${(origin.address() as AddressInfo).port}"], check: none }
frontends:
  secure:
    bind: "127.0.0.1:${port}"
    to: web
    tls:
      certificates:
${certificates.map((name) => `        - { certificate: ${name}.pem, key: ${name}.key }`).join('\n')}
`

  const parse = async (text: string) => {
    const path = join(folder, 'alwayson.yaml')
    const parsed = await parseSource({ path, text }, {}, 2)
    assert.ok(parsed.kind === 'spec', JSON.stringify(parsed))
    return { spec: parsed.spec, file: { path, text, env: {} } }
  }

  const open = async (text: string): Promise<Agent> => {
    const read = await parse(text)
    const agent = await openAgent({ paths, read, parse: async (f) => (await parse(f.text)).spec })
    agents.push(agent)
    await until('edges that route', () =>
      agent.status().edges.every(({ state }) => state === 'routing'),
    )
    return agent
  }

  const dial = async (options: ConnectionOptions = {}): Promise<TLSSocket> => {
    const socket = connect({
      ...{ port, host: '127.0.0.1', servername: 'shop.example', rejectUnauthorized: false },
      ...options,
    })
    sockets.push(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
    })
    return socket
  }

  const shown = (socket: TLSSocket): string => socket.getPeerCertificate().subjectaltname ?? ''

  const ask = async (peer: Peer): Promise<string> => {
    peer.send('GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n')
    return (await peer.takeMessage()).body
  }

  /** A session that the server has given a ticket for; in TLS 1.3 that comes with the answer. */
  const sessionOf = async (options: ConnectionOptions = {}): Promise<Buffer> => {
    const socket = await dial(options)
    assert.equal(await ask(new Peer(socket)), 'https')
    const session = socket.getSession()
    assert.ok(session !== undefined)
    return session
  }

  const isResumed = async (session: Buffer, options = {}): Promise<boolean> => {
    const socket = await dial({ session, ...options })
    const resumed = socket.isSessionReused()
    assert.equal(await ask(new Peer(socket)), 'https')
    return resumed
  }

  test('shows the certificate of the name that is asked for, the first one to others', async () => {
    certify('shop', 'shop.example', '*.shop.example')
    certify('other', 'other.example')
    await open(fileOf('shop', 'other'))
    const names = { 'shop.example': /shop/, 'a.shop.example': /shop/, 'other.example': /other/ }
    for (const [servername, name] of Object.entries({ ...names, 'un.known': /shop/ })) {
      assert.match(shown(await dial({ servername })), name, servername)
    }
  })

  test('shows an exchanged certificate without ending a connection', async () => {
    certify('shop', 'shop.example', 'old.example')
    await open(fileOf('shop'))
    const old = new Peer(await dial())
    assert.equal(await ask(old), 'https')
    certify('shop', 'shop.example', 'new.example')
    for (;;) if (/new\.example/.test(shown(await dial()))) break
    assert.equal(await ask(old), 'https')
    assert.equal(old.closed, false)
  })

  test('goes on showing what it has while files do not belong together', async () => {
    certify('shop', 'shop.example', 'old.example')
    const agent = await open(fileOf('shop'))
    writeFileSync(join(folder, 'shop.key'), makePair(['x.example']).key, { mode: 0o600 })
    const refused = () => agent.journal.recent().find((e) => e.rule === 'certificate-refused')
    await until('a refusal', () => refused() !== undefined)
    assert.match(refused()?.why ?? '', /belongs to another certificate/)
    assert.match(shown(await dial()), /old\.example/)
  })

  test('takes sessions up again on every edge, its successor and after the agent', async () => {
    certify('shop', 'shop.example')
    const first = await open(fileOf('shop'))
    const session = await sessionOf()
    const old = { maxVersion: 'TLSv1.2' } as const
    const older = await sessionOf(old)
    for (let count = 0; count < 8; count += 1) assert.ok(await isResumed(session))
    assert.ok(await isResumed(older, old))

    for (const { pid } of first.status().edges) {
      const identity = identify(pid)
      if (identity !== undefined) signalProcess(identity, 'SIGKILL')
      await until('a successor', () =>
        first.status().edges.every((edge) => edge.pid !== pid && edge.state === 'routing'),
      )
    }
    assert.ok(await isResumed(session))
    await first.down(true)
    await open(fileOf('shop'))
    assert.ok(await isResumed(session))
  })

  test('keeps keys to its user, and out of every file but their own', async () => {
    certify('shop', 'shop.example')
    const agent = await open(fileOf('shop'))
    assert.equal(await ask(new Peer(await dial())), 'https')
    const tickets = join(paths.folder, 'certificates', 'tickets.json')
    assert.equal(statSync(tickets).mode & 0o777, 0o600)
    const { keys } = JSON.parse(readFileSync(tickets, 'utf8')) as { keys: { bytes: string }[] }
    const secret = readFileSync(join(folder, 'shop.key'), 'utf8').split('\n')[1] ?? ''
    const entries = readdirSync(paths.folder, { recursive: true, withFileTypes: true })
    const texts = entries
      .filter((entry) => entry.isFile() && entry.name !== 'tickets.json')
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    texts.push(JSON.stringify(agent.status()))
    for (const text of texts) {
      assert.ok(!text.includes(secret))
      assert.ok(!keys.some(({ bytes }) => text.includes(bytes)))
    }
  })
})
