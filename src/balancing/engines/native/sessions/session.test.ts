// What a session does with a server that leaves in the middle: asks another one, if that may be.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { DatabaseBed } from '../../../../../test/support/database-bed.ts'
import { Origin, type Peer, until } from '../../../../../test/support/edge-bed.ts'
import { fatalError } from '../../../../wire/postgresql/fields.ts'
import { messageOf } from '../../../../wire/postgresql/messages.ts'

const text = (bytes: Buffer): string => bytes.toString('latin1')
const message = (type: string, body: string): string =>
  text(messageOf(type.charCodeAt(0), Buffer.from(body, 'latin1')))
const query = (sql: string): string => message('Q', `${sql}\0`)
const welcome = `${message('R', '\0\0\0\0')}${message('K', 'pppp0001')}${message('Z', 'I')}`
const done = `${message('C', 'INSERT 0 1\0')}${message('Z', 'I')}`
const leaves = text(fatalError('57P01', 'terminating connection due to administrator command'))

const body = 'user\0app\0\0'
const startup = `\0\0\0${String.fromCharCode(8 + body.length)}\0\x03\0\0${body}`

/** A server that does with everybody who logs in what the test says; others only look in. */
const welcoming = (
  id: string,
  serve: (peer: Peer, origin: Origin) => Promise<void> | void,
): Promise<Origin> =>
  Origin.open(id, async (peer, origin) => {
    try {
      await peer.take(startup)
      await serve(peer, origin)
    } catch {
      // The connection ended.
    }
  })

/** A server that welcomes everybody and does with each query what the test says. */
const serving = (id: string, serve: (peer: Peer, sql: string) => void): Promise<Origin> =>
  welcoming(id, async (peer) => {
    peer.send(welcome)
    for (;;) serve(peer, await peer.take(/^Q[\s\S]{4}[^\0]*\0/))
  })

/** An edge with a session at the first of two servers. */
async function begun(first: Origin, second: Origin) {
  const bed = new DatabaseBed('postgresql', [])
  await bed.route([first.row(), second.row({ backup: true })])
  const client = await bed.edge.client()
  client.send(startup)
  await client.take(welcome)
  return { bed, client, [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose]() }
}

const goes = (words: string) => (peer: Peer) => {
  peer.send(words)
  peer.socket.end()
}

/** More than sockets keep for somebody who does not read. */
const most = 48_000_000
const words = 'x'.repeat(60_000)
const notice = message('A', `\0\0\0\x01news\0${words}\0`)

/**
 * Says something again and again, each time once the edge has passed on the last, and returns how
 * many bytes were said by when it passed on no more.
 */
async function sayUntilStill(bed: DatabaseBed, length: number, say: () => void): Promise<number> {
  const passed = (): number => bed.edge.report.frontends.public!.bytesOut
  const before = passed()
  let said = 0
  while (said < most && passed() - before === said) {
    say()
    said += length
    let looked = 0
    await until('it is passed on, or stands', () => {
      looked += 1
      return passed() - before === said || looked > 100
    })
  }
  return said
}

/** What this comes to once it has not grown for a hundred looks. */
async function standing(count: () => number): Promise<number> {
  let [last, looked] = [-1, 0]
  await until('it stands', () => {
    looked = count() === last ? looked + 1 : 0
    last = count()
    return looked > 100
  })
  return last
}

suite('a session whose client does not read', () => {
  test('has its server wait with what it notifies of, and goes on when it is read', async () => {
    await using a = await serving('a', (peer) => peer.send(done))
    await using b = await serving('b', () => undefined)
    await using world = await begun(a, b)
    const { bed, client } = world
    client.socket.pause()
    const said = await sayUntilStill(bed, notice.length, () => a.peers[0]!.send(notice))
    assert.ok(said < most, 'all that the server said is in the memory of the edge')
    client.socket.resume()
    await until('all of it', () => client.received.length === said)
    client.received = ''
    client.send(query('SELECT 1'))
    assert.equal(await client.take(done), done)
  })

  test('has its server wait with answers, however often it asks', async () => {
    const answer = message('D', words) + done
    await using a = await serving('a', (peer) => peer.send(answer))
    await using b = await serving('b', () => undefined)
    await using world = await begun(a, b)
    const { bed, client } = world
    client.socket.pause()
    const said = await sayUntilStill(bed, answer.length, () => client.send(query('SELECT 1')))
    assert.ok(said < most, 'all that the server said is in the memory of the edge')
    client.socket.resume()
    await until('all of it', () => client.received.length === said)
  })

  test('goes on at another server when its own one is exchanged meanwhile', async () => {
    await using a = await serving('a', () => undefined)
    await using b = await serving('b', (peer) => peer.send(done))
    await using world = await begun(a, b)
    const { bed, client } = world
    client.socket.pause()
    await sayUntilStill(bed, notice.length, () => a.peers[0]!.send(notice))
    await bed.route([a.row({ state: 'down' }), b.row()])
    client.send(query('SELECT 1'))
    client.socket.resume()
    const [heard, rest] = [await client.take(done), client.received]
    assert.ok(heard.replaceAll(notice, '') === done, 'notifications come whole')
    assert.equal(rest, '')
    b.peers.at(-1)!.send(notice)
    assert.ok((await client.take(notice)) === notice)
  })
})

test('what a server says in a transaction by itself reaches the client whole', async () => {
  const inTransaction = message('C', 'BEGIN\0') + message('Z', 'T')
  await using a = await serving('a', (peer) => peer.send(inTransaction + notice.slice(0, 3)))
  await using b = await serving('b', () => undefined)
  await using world = await begun(a, b)
  world.client.send(query('BEGIN'))
  await world.client.take(inTransaction)
  a.peers[0]!.send(notice.slice(3))
  await until('all of it', () => world.client.received.length >= notice.length - 3)
  assert.ok((await world.client.take(words)).startsWith(notice.slice(0, 3)), 'it comes in part')
})

suite('a session whose server leaves', () => {
  test('asks the next one when the server says that it has not done it', async () => {
    await using a = await serving('a', goes(leaves))
    await using b = await serving('b', (peer) => peer.send(done))
    await using world = await begun(a, b)
    await world.bed.route([a.row({ state: 'down' }), b.row()])
    world.client.send(query('INSERT INTO rows VALUES (1)'))
    assert.equal(await world.client.take(done), done)
  })

  test('waits for the next one while the table still leads to the one that leaves', async () => {
    const shut = text(fatalError('57P03', 'the database system is shutting down'))
    await using a = await welcoming('a', async (peer, { peers }) => {
      if (peers.length > 1) return goes(shut)(peer)
      peer.send(welcome)
      await peer.take('INSERT')
      goes(leaves)(peer)
    })
    await using b = await serving('b', (peer) => peer.send(done))
    await using world = await begun(a, b)
    await world.bed.route([a.row(), b.row({ state: 'down' })])
    world.client.send(query('INSERT INTO rows VALUES (1)'))
    await until('it is held', () => world.bed.held === 1)
    await world.bed.route([a.row({ state: 'down' }), b.row()])
    assert.equal(await world.client.take(done), done)
  })

  test('does nothing any more of what was asked by who hung up while it was held', async () => {
    const asked: string[] = []
    await using a = await serving('a', () => undefined)
    await using b = await serving('b', (peer, sql) => {
      asked.push(sql)
      peer.send(done)
    })
    await using world = await begun(a, b)
    const { bed, client } = world
    const other = await bed.edge.client()
    other.send(startup)
    await other.take(welcome)
    await bed.route([a.row({ state: 'down' }), b.row({ state: 'down' })])
    for (const [each, id] of [[client, 1] as const, [other, 2] as const]) {
      each.send(query(`INSERT INTO rows VALUES (${id})`))
      await until('it is held', () => bed.held === id)
    }
    client.close()
    await until('it is gone', () => bed.held === 1)
    await bed.route([a.row({ state: 'down' }), b.row()])
    assert.equal(await other.take(done), done)
    assert.match(asked.join(), /^Q[\s\S]{4}INSERT INTO rows VALUES \(2\)\0$/)
  })

  test('hears a client that is held within bounds', async () => {
    const much = query(`SELECT '${words}'`)
    await using a = await serving('a', () => undefined)
    await using b = await serving('b', (peer) => peer.send(done))
    await using world = await begun(a, b)
    const { bed, client } = world
    await bed.route([a.row({ state: 'down' }), b.row({ state: 'down' })])
    client.send(much)
    await until('it is held', () => bed.held === 1)
    const before = bed.edge.report.frontends.public!.bytesIn
    for (let n = 1; n < 200; n += 1) client.send(much)
    const heard = await standing(() => bed.edge.report.frontends.public!.bytesIn - before)
    assert.ok(heard < 1_000_000, `${heard}`)
    await bed.route([a.row({ state: 'down' }), b.row()])
    for (let n = 0; n < 200; n += 1) assert.equal(await client.take(done), done)
  })

  test('passes on what its server meant for it alone', async () => {
    await using a = await serving('a', goes(leaves))
    await using b = await serving('b', (peer) => peer.send(done))
    await using world = await begun(a, b)
    await world.bed.route([a.row(), b.row({ state: 'down' })])
    world.client.send(query('SELECT slow()'))
    assert.equal(await world.client.takeEnd(), leaves)
  })

  for (const [what, sql, words] of [
    ['may have committed in the middle', 'CALL close_month()', leaves],
    ['was answered in part', 'INSERT INTO rows VALUES (1)', message('C', 'x\0') + leaves],
    ['was answered with an error before', 'SELECT 1', message('E', 'SERROR\0C1\0\0') + leaves],
  ] as const) {
    test(`asks nobody again what ${what}`, async () => {
      let asked = 0
      await using a = await serving('a', goes(words))
      await using b = await serving('b', () => {
        asked += 1
      })
      await using world = await begun(a, b)
      await world.bed.route([a.row(), b.row()])
      world.client.send(query(sql))
      await world.client.take(words)
      await world.client.takeEnd()
      assert.equal(asked, 0)
    })
  }

  test('tells its client when the server is gone without a word about what it did', async () => {
    await using a = await serving('a', (peer) => peer.socket.destroy())
    await using b = await serving('b', (peer) => peer.send(done))
    await using world = await begun(a, b)
    world.client.send(query('INSERT INTO rows VALUES (1)'))
    assert.match(await world.client.takeEnd(), /FATAL\0C08006\0/)
  })

  test('waits for a server that is only starting', async () => {
    let isReady = false
    const starting = text(fatalError('57P03', 'the database system is starting up'))
    await using a = await welcoming('a', (peer) => {
      if (isReady) return peer.send(welcome)
      isReady = true
      goes(starting)(peer)
    })
    await using bed = new DatabaseBed('postgresql', [])
    await bed.route([a.row()])
    const client = await bed.edge.client()
    client.send(startup)
    assert.equal(await client.take(welcome), welcome)
  })

  test('lets end what was asked before the login was done', async () => {
    const answer = Promise.withResolvers<void>()
    await using a = await welcoming('a', async (peer) => {
      peer.send(welcome)
      await peer.take(query('SELECT 1'))
      await answer.promise
      peer.send(done)
    })
    await using b = await serving('b', (peer) => peer.send(done))
    await using bed = new DatabaseBed('postgresql', [])
    await bed.route([a.row(), b.row({ backup: true })])
    const client = await bed.edge.client()
    client.send(startup + query('SELECT 1'))
    await client.take(welcome)
    await bed.route([a.row({ state: 'draining' }), b.row()])
    answer.resolve()
    assert.equal(await client.take(done), done)
  })

  test('hears what a server says in one breath with the end of the login', async () => {
    const shut = text(fatalError('57P03', 'the database system is shutting down'))
    await using a = await serving('a', (peer) => peer.send(done))
    await using b = await welcoming('b', (peer, { peers }) =>
      goes(peers.length > 1 ? shut : welcome + leaves)(peer),
    )
    await using world = await begun(a, b)
    const { bed, client } = world
    await bed.route([a.row({ state: 'down' }), b.row()])
    client.send(query('INSERT INTO rows VALUES (1)'))
    await until('it is held', () => bed.held === 1)
    await bed.route([a.row(), b.row({ state: 'down' })])
    assert.equal(await client.take(done), done)
  })

  for (const [name, answer] of [
    ['', done],
    ['put', /FATAL\0C42P01\0/],
  ] as const) {
    const statement = name === '' ? 'the statement without a name' : 'a statement with a name'
    test(`goes on, or not, where ${statement} cannot be prepared any more`, async () => {
      const dropped = message('E', 'SERROR\0VERROR\0C42P01\0Mno such table\0\0')
      const sync = message('S', '')
      await using a = await welcoming('a', async (peer) => {
        peer.send(welcome)
        await peer.take(sync)
        peer.send(message('1', '') + message('Z', 'I'))
      })
      await using b = await welcoming('b', async (peer) => {
        peer.send(welcome)
        await peer.take(sync)
        peer.send(dropped + message('Z', 'I'))
        await peer.take('SELECT 1')
        peer.send(done)
      })
      await using world = await begun(a, b)
      const { bed, client } = world
      client.send(message('P', `${name}\0SELECT * FROM jobs\0\0\0`) + sync)
      await client.take(message('Z', 'I'))
      await bed.route([a.row({ state: 'down' }), b.row()])
      client.send(query('SELECT 1'))
      await client.take(answer)
    })
  }

  test('answers requests for encryption, and says nothing to what is no client', async () => {
    await using a = await serving('a', () => undefined)
    await using bed = new DatabaseBed('postgresql', [])
    await bed.route([a.row()])
    const client = await bed.edge.client()
    client.send('\0\0\0\x08\x04\xd2\x16\x30')
    await client.take('N')
    client.send('\0\0\0\x08\x04\xd2\x16\x2f')
    await client.take('N')
    client.send(startup)
    await client.take(welcome)
    const other = await bed.edge.client()
    other.send('GET / HTTP/1.1\r\n\r\n')
    await until('it is broken', () => other.closed)
  })
})
