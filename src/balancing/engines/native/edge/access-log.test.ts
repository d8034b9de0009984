// The access log of an edge: what it writes, what it leaves out, and a disk that is too slow.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { answering, EdgeBed, get, ok, until } from '../../../../../test/support/edge-bed.ts'
import { SkippingClock } from '../../../../../test/support/skipping-clock.ts'
import { ms } from '../../../../foundation/time.ts'
import type { TableLog } from '../../../model.ts'
import type { OpenLog } from './access-log.ts'

const log: TableLog = {
  ...{ path: '/access.log', only: 'all', sample: 1, query: false, size: 1e6, keep: 1 },
}

/** A disk in memory; `slow` takes nothing before it is released. */
function openDisk() {
  const files = new Map<string, string>()
  const closed: string[] = []
  const gate = Promise.withResolvers<void>()
  const disk = { files, closed, slow: false, release: gate.resolve, open: undefined! as OpenLog }
  disk.open = (path) => ({
    append: async (lines) => {
      if (disk.slow) await gate.promise
      files.set(path, (files.get(path) ?? '') + lines.toString('utf8'))
    },
    close: async () => void closed.push(path),
  })
  return disk
}

const linesOf = (disk: ReturnType<typeof openDisk>, path = log.path) =>
  (disk.files.get(path) ?? '')
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))

suite('an access log', () => {
  test('has a line for each request that ended, soon after it did', async () => {
    const disk = openDisk()
    await using bed = new EdgeBed(undefined, { openLog: disk.open })
    await using a = await answering('a', () => ok('hello'))
    await bed.apply([a.row()], { frontend: { log } })
    await bed.ask(get('/one?secret=1'))
    await bed.ask('GET /two HTTP/1.1\r\n\r\n')
    await until('two lines', () => linesOf(disk).length === 2)
    const [one, two] = linesOf(disk)
    assert.deepEqual(
      [one.status, one.path, one.server, one.tries, one.ending, one.client],
      [200, '/one', 'a', 1, 'done', '127.0.0.1'],
    )
    assert.ok(one.total_ms >= one.first_byte_ms && one.bytes_out > 5 && one.bytes_in > 20)
    assert.deepEqual([two.status, two.ending], [400, 'bad-request'])
    assert.equal(bed.edge.meters().frontends.public?.logged, 2)
  })

  test('says how long somebody waited who left before there was a server', async () => {
    const disk = openDisk()
    const clock = new SkippingClock()
    await using bed = new EdgeBed(undefined, { openLog: disk.open, clock })
    await bed.apply([], { frontend: { log } })
    const client = await bed.client()
    client.send(get('/held'))
    await until('it is held', () => bed.report.frontends.public!.held === 1)
    clock.skip(ms(1000))
    await bed.ask('GET / HTTP/1.1\r\n\r\n')
    client.socket.resetAndDestroy()
    await until('both lines', () => linesOf(disk).length === 2)
    const [, line] = linesOf(disk)
    assert.deepEqual([line.ending, line.queue_ms], ['client-gone', 0])
    assert.ok(line.hold_ms >= 1000 && line.hold_ms <= line.total_ms, `${line.hold_ms} ms`)
    assert.equal(bed.report.frontends.public!.held, 0)
  })

  test('of errors alone leaves out what went well', async () => {
    const disk = openDisk()
    await using bed = new EdgeBed(undefined, { openLog: disk.open })
    await using a = await answering('a', (head) =>
      head.startsWith('GET /bad') ? 'HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n' : ok('x'),
    )
    await bed.apply([a.row()], { frontend: { log: { ...log, only: 'errors' } } })
    await bed.ask(get('/good'))
    await bed.ask(get('/bad'))
    await until('a line', () => linesOf(disk).length > 0)
    assert.deepEqual(
      linesOf(disk).map(({ path }) => path),
      ['/bad'],
    )
  })

  test('loses lines, counted, when the disk takes none, and holds up nobody', async () => {
    const disk = openDisk()
    disk.slow = true
    await using bed = new EdgeBed(undefined, { openLog: disk.open })
    await using a = await answering('a', () => ok('x'))
    await bed.apply([a.row()], { frontend: { log: { ...log, query: true } } })
    const client = await bed.client()
    const long = get(`/?${'q'.repeat(15_000)}`)
    for (let count = 0; count < 330; count += 1) {
      client.send(long)
      await client.takeMessage()
    }
    const { logged, logLost } = bed.edge.meters().frontends.public!
    assert.ok(logLost > 20, `${logLost} lost`)
    assert.ok(logged * 15_000 <= 4.2 * 1024 * 1024, `${logged} kept`)
    disk.release()
    await until('the kept ones to be written', () => linesOf(disk).length === logged)
  })

  test('moves with the table, and its file is closed when no door writes to it', async () => {
    const disk = openDisk()
    await using bed = new EdgeBed(undefined, { openLog: disk.open })
    await using a = await answering('a', () => ok('x'))
    await bed.apply([a.row()], { frontend: { log } })
    await bed.ask(get('/one'))
    await bed.apply([a.row()], { frontend: { log: { ...log, path: '/other.log' } } })
    await bed.ask(get('/two'))
    await bed.apply([a.row()])
    await bed.ask(get('/three'))
    await until('both to be closed', () => disk.closed.length === 2)
    assert.deepEqual([linesOf(disk).length, linesOf(disk, '/other.log').length], [1, 1])
  })

  test('has a line for each connection in TCP mode', async () => {
    const disk = openDisk()
    await using bed = new EdgeBed(undefined, { openLog: disk.open })
    await using a = await answering('a', () => ok('hello'))
    await bed.apply([a.row()], { frontend: { log, mode: 'tcp' } })
    await bed.ask(get('/'))
    a.peers[0]!.close()
    await until('a line', () => linesOf(disk).length === 1)
    const [{ ending, client, server, bytes_out, status }] = linesOf(disk)
    assert.deepEqual([ending, client, server, status], ['tunnel', '127.0.0.1', 'a', 0])
    assert.ok(bytes_out > 5)
  })

  test('of a tunnel is written when that ends, with all its bytes', async () => {
    const disk = openDisk()
    await using bed = new EdgeBed(undefined, { openLog: disk.open })
    await using a = await answering(
      'a',
      () => 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    )
    await bed.apply([a.row()], { frontend: { log } })
    const client = await bed.client()
    client.send(get('/ws', 'Connection: Upgrade\r\nUpgrade: x\r\n'))
    await client.take('\r\n\r\n')
    client.send('x'.repeat(1000))
    await until('the bytes to be counted', () => (bed.report.frontends.public?.bytesIn ?? 0) > 1000)
    assert.equal(linesOf(disk).length, 0)
    client.close()
    a.peers[0]!.close()
    await until('a line', () => linesOf(disk).length === 1)
    const [{ ending, status, bytes_in, path }] = linesOf(disk)
    assert.deepEqual([ending, status, path], ['tunnel', 101, '/ws'])
    assert.ok(bytes_in >= 1000)
  })
})
