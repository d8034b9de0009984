// What is kept of a log, and until when it is known, over a session that no server stands behind.

import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { instant } from '../../../foundation/time.ts'
import type { LogNews } from '../../backups/engine.ts'
import type { BackupStore } from '../../backups/store.ts'
import { openFolderStore } from '../../backups/stores/folder.ts'
import { heldIn, receivedUntil, receiveLog, segmentKey } from './log-archive.ts'
import { chainFrom, resumeAt } from './log-chain.ts'
import type { LogStream } from './log-stream.ts'
import { formatLsn, parseHistory, segmentName } from './lsn.ts'
import type { ReplicationDoor } from './replication-door.ts'
import type { Session } from './session.ts'

const size = 1024 * 1024
const member = { member: 'm1', host: '127.0.0.1', port: 5432 }
const epoch = 946_684_800_000

/** A primary that says what it is told to. */
class FakeServer {
  /** Where it is when it is asked, and on which timeline. */
  position: { readonly line: number; readonly at: number }
  historyText: string | undefined
  /** Where streams were asked to begin. */
  readonly asked: string[] = []
  readonly #changes = new EventEmitter()
  #flushed = 0
  #stream: LogStream | undefined
  #over = new EventEmitter()

  constructor(at: number) {
    this.position = { line: 1, at }
  }

  /** What `receiveLog` stands on. */
  get door(): ReplicationDoor {
    return {
      slot: 'archive',
      now: () => instant(epoch),
      ensureSlot: async () => size,
      open: async () => this.#session(),
      ask: async () => {
        const { line } = this.position
        const history = parseHistory(line, this.historyText ?? '')
        return { systemId: '1', position: this.position, history, historyText: this.historyText }
      },
    } as unknown as ReplicationDoor
  }

  #session(): Session {
    const over = new EventEmitter()
    this.#over = over
    const connection = Object.assign(new EventEmitter(), {
      query: (text: string) => this.asked.push(text.replace(/.*PHYSICAL /, '')),
    })
    const query = (stream: LogStream): void => {
      this.#stream = stream
      stream.submit(connection as never)
      this.#changes.emit('change')
    }
    const write = (message: Buffer): void => {
      if (message.length > 5) this.#flushed = Number(message.readBigUInt64BE(14))
      this.#changes.emit('change')
    }
    return {
      client: Object.assign(over, { connection, query }),
      stream: { write, pause: () => {}, resume: () => {} },
      isOver: false,
      [Symbol.dispose]: () => over.emit('end'),
    } as unknown as Session
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise((resolve) => this.#changes.once('change', resolve))
  }

  /** Resolves when so many streams were asked for. */
  begun(count: number): Promise<void> {
    return this.#until(() => this.asked.length >= count)
  }

  /** Resolves when it was told that all before is on disk, and so was whoever looks. */
  confirmed(at: number): Promise<void> {
    return this.#until(() => this.#flushed >= at)
  }

  /** Sends a stretch of the log at `second`, when it had written up to `written`. */
  log(from: number, to: number, written: number, second: number): void {
    const chunk = Buffer.alloc(25 + to - from)
    chunk.write('w', 'latin1')
    chunk.writeBigUInt64BE(BigInt(from), 1)
    chunk.writeBigUInt64BE(BigInt(written), 9)
    chunk.writeBigInt64BE(BigInt(second * 1e6), 17)
    this.#stream?.handleCopyData({ chunk })
  }

  /** Says its time, and up to where it has sent; it wants to hear what is on disk. */
  alive(sent: number, second: number): void {
    const chunk = Buffer.alloc(18)
    chunk.write('k', 'latin1')
    chunk.writeBigUInt64BE(BigInt(sent), 1)
    chunk.writeBigInt64BE(BigInt(second * 1e6), 9)
    chunk.writeUInt8(1, 17)
    this.#stream?.handleCopyData({ chunk })
  }

  /** This timeline has no more. */
  next(line: number, at: number): void {
    this.#stream?.handleDataRow({ fields: [String(line), formatLsn(at)] })
    this.#stream?.handleReadyForQuery()
  }

  refuse(message: string): void {
    this.#stream?.handleError(new Error(message))
  }

  /** Its connection ends. */
  leave(): void {
    this.#over.emit('end')
  }
}

/** An archive that receives from a fake. */
class Bench implements AsyncDisposable {
  readonly server: FakeServer
  readonly store: BackupStore
  readonly news: LogNews[] = []
  readonly #folder = mkdtempSync(join(tmpdir(), 'log-archive-'))
  readonly #stop = new AbortController()
  #receiving: Promise<unknown> = Promise.resolve()

  /** `at`: where the server is. */
  constructor(at: number) {
    this.server = new FakeServer(at)
    this.store = openFolderStore(this.#folder)
  }

  /** Whole segments of the first timeline that are there before. */
  async whole(...indexes: readonly number[]): Promise<void> {
    for (const index of indexes) {
      const key = segmentKey(segmentName(1, index * size, size))
      await this.store.put(key, Buffer.from('x'), this.#stop.signal)
    }
  }

  /** Begins to receive; resolves to why it ended. */
  receive(store = this.store, told = (news: LogNews) => void this.news.push(news)) {
    const { door } = this.server
    this.#receiving = receiveLog(door, member, store, told, this.#stop.signal).catch(
      (thrown: unknown) => thrown,
    )
    return this.#receiving
  }

  /** Seconds by the server's clock until which the log was said to be received. */
  get untils(): readonly number[] {
    return this.news.flatMap(({ until }) => (until === undefined ? [] : [(until - epoch) / 1000]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the test ends'))
    await this.#receiving
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** A store by its functions, so that one of them can be another. */
const only = (store: BackupStore): BackupStore => ({
  place: store.place,
  list: (prefix) => store.list(prefix),
  read: (key) => store.read(key),
  open: (key) => store.open(key),
  put: (key, chunks, signal) => store.put(key, chunks, signal),
  grow: (key) => store.grow(key),
  remove: (key) => store.remove(key),
  free: () => store.free(),
})

suite('the log is received until a moment', () => {
  test('once all is there that the server had written by then, not what it had sent', async () => {
    await using bench = new Bench(2 * size + 500)
    const { server, store } = bench
    await bench.whole(0)
    bench.receive()
    await server.begun(1)
    server.alive(size, 1)
    server.log(size, size + 100, 2 * size + 500, 2)
    server.alive(size + 100, 3)
    await server.confirmed(size + 100)
    assert.deepEqual(bench.untils, [])
    assert.equal(await receivedUntil(store), undefined)
    server.log(size + 100, 2 * size + 400, 2 * size + 600, 4)
    server.log(2 * size + 400, 2 * size + 500, 2 * size + 600, 5)
    // All that it had at 2, and it has said since that there is more.
    server.alive(2 * size + 500, 6)
    await server.confirmed(2 * size + 500)
    assert.deepEqual(bench.untils, [2])
    server.log(2 * size + 500, 2 * size + 600, 2 * size + 600, 7)
    server.alive(2 * size + 600, 8)
    await server.confirmed(2 * size + 600)
    assert.deepEqual(bench.untils, [2, 8])
  })

  test('of no timeline that the server has left', async () => {
    await using bench = new Bench(2 * size + 500)
    const { server } = bench
    server.position = { line: 2, at: 2 * size + 500 }
    server.historyText = `1\t${formatLsn(size + 300)}\tno recovery target specified\n`
    await bench.whole(0)
    bench.receive()
    await server.begun(1)
    server.log(size, size + 300, size + 300, 1)
    server.alive(size + 300, 2)
    await server.confirmed(size + 300)
    assert.deepEqual(bench.untils, [])
    server.next(2, size + 300)
    await server.begun(2)
    server.alive(size, 3)
    server.log(size, 2 * size + 500, 2 * size + 500, 4)
    server.alive(2 * size + 500, 5)
    await server.confirmed(2 * size + 500)
    assert.deepEqual(bench.untils, [5])
  })

  test('also while more comes whenever something is put on disk', async () => {
    await using bench = new Bench(size)
    const { server } = bench
    let rounds = 0
    const more = (): void => {
      if (bench.untils.length > 0 || rounds >= 20) return
      rounds += 1
      const at = size + rounds * 100
      server.log(at, at + 100, at + 100, rounds)
    }
    const grow = async (key: string) => {
      const object = await bench.store.grow(key)
      return {
        write: (at: number, bytes: Buffer) => object.write(at, bytes),
        sync: () => {
          more()
          return object.sync()
        },
        [Symbol.asyncDispose]: () => object[Symbol.asyncDispose](),
      }
    }
    const growing: BackupStore = { ...only(bench.store), grow }
    const heard = Promise.withResolvers<void>()
    bench.receive(growing, (news) => {
      bench.news.push(news)
      if (news.receiving) heard.resolve()
    })
    await server.begun(1)
    server.log(size, size + 100, size + 100, 0)
    await heard.promise
    assert.equal(bench.untils[0], 0)
    assert.ok(rounds < 5, `${rounds} times`)
  })
})

test('a primary is told what is on disk also while more comes with every write', async () => {
  await using bench = new Bench(size)
  const { server, store } = bench
  let rounds = 0
  const growing: BackupStore = {
    ...only(store),
    grow: async () => ({
      write: async () => {
        rounds += 1
        const at = size + rounds * 100
        // It ends by itself, so that a failure does.
        if (rounds < 1000) server.log(at, at + 100, at + 100, rounds)
        if (rounds === 10) server.alive(at + 100, rounds)
      },
      sync: async () => {},
      [Symbol.asyncDispose]: async () => {},
    }),
  }
  bench.receive(growing)
  await server.begun(1)
  server.log(size, size + 100, size + 100, 0)
  await server.confirmed(size + 1000)
  assert.ok(rounds < 1000, 'not before nothing came any more')
})

suite('a log that the primary has no more', () => {
  const gone = 'requested WAL segment 000000010000000000000002 has already been removed'

  test('goes on from where the primary is, and no later stream asks for it again', async () => {
    await using bench = new Bench(9 * size + 10)
    const { server, store } = bench
    await bench.whole(0, 1)
    const ended = bench.receive()
    await server.begun(1)
    server.position = { line: 1, at: 9 * size + 20 }
    server.refuse(gone)
    await server.begun(2)
    assert.deepEqual(server.asked, [
      `${formatLsn(2 * size)} TIMELINE 1`,
      `${formatLsn(9 * size)} TIMELINE 1`,
    ])
    server.log(9 * size, 9 * size + 20, 9 * size + 20, 1)
    await server.confirmed(9 * size + 20)
    assert.deepEqual(bench.untils, [1])
    assert.equal(bench.news.at(-1)?.receiving, true)
    const held = { ...(await heldIn(store)), segmentBytes: size }
    // No base before leads on, one after does.
    assert.equal(chainFrom(held, { line: 1, at: size + 10 }).isWhole, false)
    assert.equal(chainFrom(held, { line: 1, at: 9 * size + 15 }).isWhole, true)
    assert.deepEqual(resumeAt(held, { line: 1, ancestors: [] }), { line: 1, at: 9 * size })
    server.leave()
    await ended
    bench.receive()
    await server.begun(3)
    assert.equal(server.asked[2], `${formatLsn(9 * size)} TIMELINE 1`)
  })

  test('ends what goes on from there too, and so does whatever else it says', async () => {
    await using bench = new Bench(9 * size + 10)
    const { server } = bench
    await bench.whole(0, 1)
    const ended = bench.receive()
    await server.begun(1)
    server.refuse(gone)
    await server.begun(2)
    server.refuse(gone)
    assert.equal(((await ended) as Error).message, gone)
    const again = bench.receive()
    await server.begun(3)
    server.refuse('out of memory')
    assert.equal(((await again) as Error).message, 'out of memory')
    assert.deepEqual(server.asked.length, 3)
  })
})
