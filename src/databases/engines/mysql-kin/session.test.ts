// What becomes of a statement whose connection ends before it is answered, and is a server there?

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { test } from 'node:test'
import mysql2, { type Connection } from 'mysql2'
import { isUnreachable, Session } from './session.ts'

const account = { user: 'alwayson', password: '' }
/** Nobody gives up: a statement that is never answered fails by the test's own bound. */
const { signal } = new AbortController()

test('a statement ends with its server', { timeout: 10_000 }, async () => {
  await using server = new Silent()
  using session = await server.open()
  const asked = session.query('INSERT', signal)
  await server.heard
  for (const each of server.streams) each.end()
  await assert.rejects(asked, isUnreachable)
  assert.equal(session.isOver, true)
})

test('a statement ends with that of another which is given up', { timeout: 10_000 }, async () => {
  await using server = new Silent()
  using session = await server.open()
  const other = new AbortController()
  const givenUp = session.query('SELECT 1', other.signal)
  const asked = session.query('SELECT 2', signal)
  await server.heard
  const reason = new Error('it takes too long')
  other.abort(reason)
  await assert.rejects(givenUp, reason)
  await assert.rejects(asked, isUnreachable)
})

test('a server that hangs is there, however many wait at its socket', () => {
  const failed = (code: string) => Object.assign(new Error(code), { code, errno: -1, fatal: true })
  assert.equal(isUnreachable(failed('EAGAIN')), false)
  assert.equal(isUnreachable(failed('ENOENT')), true)
})

/** A server that lets everybody in, and answers nothing. */
class Silent implements AsyncDisposable {
  readonly streams: Socket[] = []
  readonly #heard = Promise.withResolvers<void>()
  readonly #listening: Server

  constructor() {
    const server = mysql2.createServer(() => undefined)
    server.on('connection', (client: Connection) => this.#greet(client as unknown as ServerSide))
    this.#listening = (server as unknown as { readonly _server: Server })._server
  }

  /** Resolves with the first statement. */
  get heard(): Promise<void> {
    return this.#heard.promise
  }

  async open(): Promise<Session> {
    this.#listening.listen(0, '127.0.0.1')
    await once(this.#listening, 'listening')
    const { port } = this.#listening.address() as AddressInfo
    return await Session.open({ host: '127.0.0.1', port }, account, signal)
  }

  #greet(client: ServerSide): void {
    this.streams.push(client.stream)
    client.on('error', () => undefined)
    client.on('query', () => this.#heard.resolve())
    client.serverHandshake({
      ...{ protocolVersion: 10, serverVersion: '10.11', connectionId: 1, statusFlags: 2 },
      ...{ characterSet: 33, capabilityFlags: 0x08_a2_08 },
      authCallback: (_who, done) => {
        done(null)
        client.sequenceId = 0
      },
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.streams) each.destroy()
    this.#listening.close()
  }
}

/** The other end of a connection, which the driver has and does not describe. */
interface ServerSide {
  sequenceId: number
  readonly stream: Socket
  on(event: 'query' | 'error', listener: () => void): void
  serverHandshake(greeting: {
    readonly authCallback: (who: unknown, done: (failed: null) => void) => void
    readonly [word: string]: unknown
  }): void
}
