// What an edge promises to clients of either database while the server behind their address is
// replaced, whatever they speak.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DatabaseProtocol } from '../../src/balancing/model.ts'
import { ms, openClock, sleep } from '../../src/foundation/time.ts'
import { DatabaseBed, eventually, type ServerProcess } from '../support/database-bed.ts'

const clock = openClock()
const accounts = [{ user: 'app', password: 'secret' }]

/** A client that remembers what befell it while it asked for nothing. */
export interface KnownClient extends AsyncDisposable {
  readonly errors: Error[]
  ended: boolean
  end(): Promise<void>
}

/** What the promises know of a database and its clients. */
export interface Kind<Client extends KnownClient> {
  readonly protocol: DatabaseProtocol
  readonly server: (id: string) => Promise<ServerProcess>
  /** Makes what the tests use: asked of each server itself. */
  readonly prepare: (client: Client, server: ServerProcess) => Promise<unknown>
  readonly connected: (port: number) => Promise<Client>
  readonly serverOf: (client: Client) => Promise<string>
  readonly say: (client: Client, text: string) => Promise<unknown>
  readonly insert: (client: Client, id: number, place: number) => Promise<unknown>
  /** A question that is answered when its server has ended, and how to see that it is asked. */
  readonly endless: (client: Client) => Promise<unknown>
  readonly isAsked: (watch: Client) => Promise<boolean>
}

type State = 'up' | 'draining' | 'down'

/** Two servers that know nothing of each other: which one answers can be asked. */
export class Pair {
  one!: ServerProcess
  two!: ServerProcess

  rows(first: State, second: State) {
    return [this.one.row(first), this.two.row(second)]
  }
}

/** A bed whose edge knows the password of the clients. */
export const openBed = (protocol: DatabaseProtocol): DatabaseBed =>
  new DatabaseBed(protocol, accounts)

/** Starts the servers before the tests of a file, and ends them after. */
export function pairOf<Client extends KnownClient>(kind: Kind<Client>): Pair {
  const pair = new Pair()
  before(async () => {
    ;[pair.one, pair.two] = await Promise.all([kind.server('one'), kind.server('two')])
    for (const server of [pair.one, pair.two]) {
      const client = await kind.connected(server.port)
      await kind.prepare(client, server)
      await client.end()
    }
  })
  after(async () => {
    await Promise.all([pair.one?.[Symbol.asyncDispose](), pair.two?.[Symbol.asyncDispose]()])
  })
  return pair
}

/** Defines the promises; to be called within a suite. */
export function movingSessions<Client extends KnownClient>(kind: Kind<Client>, pair: Pair): void {
  const { connected, serverOf, say } = kind
  const open = (): DatabaseBed => openBed(kind.protocol)
  const errorsOf = (clients: readonly Client[]): readonly Error[] =>
    clients.flatMap(({ errors }) => errors)

  test('holds who comes while nobody is primary, and lets them in when somebody is', async () => {
    await using bed = open()
    await bed.route(pair.rows('down', 'down'))
    const coming = connected(bed.port)
    await eventually('it is held', () => bed.held === 1)
    await bed.route(pair.rows('down', 'up'))
    await using client = await coming
    assert.equal(await serverOf(client), 'two')
  })

  test('lets a transaction end where it began, and moves the session then', async () => {
    await using bed = open()
    await bed.route(pair.rows('up', 'down'))
    await using client = await connected(bed.port)
    await say(client, 'START TRANSACTION')
    await bed.route(pair.rows('draining', 'down'))
    assert.equal(await serverOf(client), 'one')
    await say(client, 'COMMIT')
    const asked = serverOf(client)
    await eventually('it is held', () => bed.held === 1)
    await bed.route(pair.rows('down', 'up'))
    assert.equal(await asked, 'two')
    assert.deepEqual(client.errors, [])
  })

  test('writers of one row each ten milliseconds see no error across three moves', async () => {
    await using bed = open()
    await bed.route(pair.rows('up', 'down'))
    const clients = await Promise.all([1, 2, 3].map(() => connected(bed.port)))
    let done = 0
    let isOver = false
    const writing = clients.map(async (client, place) => {
      for (let n = 0; !isOver; n += 1) {
        await kind.insert(client, n * 10 + place, place)
        done += 1
        await sleep(clock, ms(10))
      }
    })
    for (const isTwo of [true, false, true]) {
      const seen = done
      await eventually('they write', () => done > seen + 20)
      await bed.route(isTwo ? pair.rows('draining', 'down') : pair.rows('down', 'draining'))
      await eventually('all wait', () => bed.held === 3)
      await bed.route(isTwo ? pair.rows('down', 'up') : pair.rows('up', 'down'))
    }
    const seen = done
    await eventually('they write', () => done > seen + 20)
    isOver = true
    await Promise.all(writing)
    assert.deepEqual(errorsOf(clients), [])
    for (const client of clients) assert.equal(await serverOf(client), 'two')
    await Promise.all(clients.map((client) => client.end()))
  })

  test('keeps who rests when the server crashes, and ends who waits for an answer', async () => {
    await using bed = open()
    await bed.route(pair.rows('up', 'down'))
    const resting = await Promise.all([1, 2, 3, 4].map(() => connected(bed.port)))
    await using busy = await connected(bed.port)
    const failed = assert.rejects(kind.endless(busy))
    await using watch = await connected(pair.one.port)
    await eventually('it waits for its answer', () => kind.isAsked(watch))
    await pair.one.end('SIGKILL')
    await failed
    const asked = resting.map(serverOf)
    await eventually('all wait', () => bed.held === 4)
    await bed.route(pair.rows('down', 'up'))
    assert.deepEqual(await Promise.all(asked), ['two', 'two', 'two', 'two'])
    assert.deepEqual(errorsOf(resting), [])
    await Promise.all(resting.map((client) => client.end()))
  })
}
