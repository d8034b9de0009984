// What is kept of a MySQL's log as it comes, and from where it is asked for again: of a server that
// only answers by a script. None of this says that MySQL does what its manual promises.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { LogNews } from '../../src/databases/backups/engine.ts'
import type { BackupStore } from '../../src/databases/backups/store.ts'
import { openFolderStore } from '../../src/databases/backups/stores/folder.ts'
import { openMysqlBackups } from '../../src/databases/engines/mysql/backups.ts'
import { readGroups } from '../../src/databases/engines/mysql/binary-log.ts'
import { packFolder, unpackFolder } from '../../src/databases/engines/mysql/folder-stream.ts'
import { parseGtidSet } from '../../src/databases/engines/mysql/gtid-set.ts'
import { dumpPacket } from '../../src/databases/engines/mysql/log-receiver.ts'
import { pieceNames } from '../../src/databases/engines/mysql-kin/log-pieces.ts'
import { readOutline } from '../../src/databases/engines/mysql-kin/outline.ts'
import { instant } from '../../src/foundation/time.ts'
import { accounts, soon } from '../conformance/database-scene.ts'
import { ScriptedMysql, type ScriptedState } from '../support/scripted-mysql.ts'

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562'

function event(type: number, body: Buffer, second = 0): Buffer {
  const header = Buffer.alloc(19)
  header.writeUInt32LE(second)
  header.writeUInt8(type, 4)
  header.writeUInt32LE(19 + body.length, 9)
  return Buffer.concat([header, body])
}

/** A GTID event, rows, and the end of the transaction. */
function transaction(number: number, second: number): readonly Buffer[] {
  const rest = [event(30, Buffer.alloc(40, number), second), event(16, Buffer.alloc(8), second)]
  const body = Buffer.alloc(49 + 1 + 4)
  body.write(uuid.replaceAll('-', ''), 1, 'hex')
  body.writeBigUInt64LE(BigInt(number), 17)
  const micros = Buffer.alloc(8)
  micros.writeBigUInt64LE(BigInt(second) * 1_000_000n)
  micros.copy(body, 42, 0, 7)
  body.writeUInt8(19 + body.length + Buffer.concat(rest).length, 49)
  return [event(33, body, second), ...rest]
}

const format = event(15, Buffer.alloc(90, 1))
const rotate = event(4, Buffer.from('binlog.000007'))
const previous = event(35, Buffer.alloc(8))
const heartbeat = event(41, Buffer.alloc(20))

interface Stage extends AsyncDisposable {
  readonly fake: ScriptedMysql
  readonly store: BackupStore
  /** Receives until so many transactions are in the store, and a heartbeat has come. */
  receive(count: number): Promise<readonly LogNews[]>
  gtids(): Promise<readonly string[]>
}

async function openStage(state: Partial<ScriptedState>): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'ao-my-log-'))
  const fake = new ScriptedMysql({ identity: 'one', isShut: false, ...state })
  await fake.open()
  const store = openFolderStore(join(folder, 'store'))
  const engine = openMysqlBackups({
    ...{ database: 'orders', accounts, home: undefined, user: undefined, settings: {} },
    ...{ run: join(folder, 'run'), scratch: join(folder, 'copy'), now: () => instant(9_000_000) },
    event: () => undefined,
  })
  const gtids = async (): Promise<readonly string[]> => {
    const pieces = await Promise.all(
      (await pieceNames(store)).map((name) => readOutline(store, name, readGroups)),
    )
    return pieces.flatMap(({ runs }) =>
      runs.flatMap(({ source, first, last }) =>
        Array.from({ length: last - first + 1 }, (_, at) => `${source}${first + at}`),
      ),
    )
  }
  return {
    ...{ fake, store, gtids },
    async receive(count) {
      const stop = new AbortController()
      const heard: LogNews[] = []
      const told = (news: LogNews): void => {
        heard.push(news)
        if (news.until !== 9_000_000) return
        void gtids().then((all) => all.length >= count && stop.abort(new Error('enough')))
      }
      const at = { member: 'm1', host: '127.0.0.1', port: fake.port }
      const signal = AbortSignal.any([soon(), stop.signal])
      const ended = await engine.receive(at, store, told, signal).catch((thrown) => thrown)
      if (!stop.signal.aborted) throw ended
      return heard
    },
    async [Symbol.asyncDispose]() {
      await fake[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The set in a request, as it was sent: from behind the length of it. */
const setIn = (request: Buffer): Buffer => request.subarray(4 + 23)
const setOf = (text: string): Buffer => setIn(dumpPacket(parseGtidSet(text)))

suite('the log of a MySQL', () => {
  test('is kept as transactions, and received on from what is kept', async () => {
    const [one, two] = [transaction(8, 100), transaction(9, 101)]
    await using stage = await openStage({
      executed: `${uuid}:1-7`,
      log: [rotate, format, previous, ...one, heartbeat],
    })
    const heard = await stage.receive(1)
    assert.ok(heard.some(({ receiving, until }) => receiving && until === 9_000_000))
    assert.deepEqual(heard.at(-1), { receiving: false, until: undefined })
    assert.deepEqual(await stage.gtids(), [`${uuid}:8`])
    const [name = ''] = await pieceNames(stage.store)
    assert.equal((await readOutline(stage.store, name, readGroups)).after, `${uuid}:1-7`)
    Object.assign(stage.fake.state, {
      ...{ executed: `${uuid}:1-9`, log: [rotate, format, previous, ...two, heartbeat] },
    })
    await stage.receive(2)
    assert.deepEqual(await stage.gtids(), [`${uuid}:8`, `${uuid}:9`])
    const [first, second] = stage.fake.dumps.map((each) => setIn(each))
    assert.ok(first?.equals(setOf(`${uuid}:1-7`)))
    assert.ok(second?.equals(setOf(`${uuid}:1-8`)))
  })

  test('leads on from a base also where nothing is written', async () => {
    await using stage = await openStage({
      executed: `${uuid}:1-7`,
      log: [rotate, format, previous, heartbeat],
    })
    await stage.receive(0)
    const [name = ''] = await pieceNames(stage.store)
    const piece = await readOutline(stage.store, name, readGroups)
    assert.deepEqual([piece.after, piece.runs], [`${uuid}:1-7`, []])
  })

  test('goes on in a piece of its own where another server writes it', async () => {
    const other = event(15, Buffer.alloc(90, 2))
    await using stage = await openStage({
      executed: `${uuid}:1-7`,
      log: [rotate, format, ...transaction(8, 100), other, ...transaction(9, 101), heartbeat],
    })
    await stage.receive(2)
    const names = await pieceNames(stage.store)
    const pieces = await Promise.all(
      names.map((name) => readOutline(stage.store, name, readGroups)),
    )
    assert.deepEqual(
      pieces.map(({ after, isWhole }) => [after, isWhole]),
      [
        [`${uuid}:1-7`, true],
        [`${uuid}:1-8`, false],
      ],
    )
    // What was left growing is whole once somebody receives again.
    await stage.receive(2)
    const [, second] = await Promise.all(
      names.map((name) => readOutline(stage.store, name, readGroups)),
    )
    assert.equal(second?.isWhole, true)
  })

  test('begins anew where what comes next is gone', async () => {
    await using stage = await openStage({
      executed: `${uuid}:1-7`,
      log: [rotate, format, ...transaction(8, 100), heartbeat],
    })
    await stage.receive(1)
    const log = [rotate, format, ...transaction(31, 100), heartbeat]
    const later = { executed: `${uuid}:1-30`, purged: `${uuid}:1-20`, log }
    Object.assign(stage.fake.state, later)
    await stage.receive(2)
    assert.ok(setIn(stage.fake.dumps[1] ?? Buffer.alloc(0)).equals(setOf(`${uuid}:1-30`)))
  })

  test('is not kept where its transactions could not be told apart', async () => {
    await using stage = await openStage({ log: [rotate, format, event(42, Buffer.alloc(40))] })
    await assert.rejects(stage.receive(1), /tags/)
  })

  test('is asked for by a set as the protocol has it', () => {
    const request = dumpPacket(parseGtidSet(`${uuid}:1-3:7`))
    assert.equal(request.readUIntLE(0, 3), request.length - 4)
    assert.equal(request[4], 0x1e)
    assert.equal(request.readUInt32LE(4 + 19), 8 + 16 + 8 + 4 * 8)
    const set = setIn(request)
    const numbers = [24, 32, 40, 48, 56].map((at) => set.readBigUInt64LE(at))
    assert.equal(set.toString('hex', 8, 24), uuid.replaceAll('-', ''))
    assert.deepEqual(numbers, [2n, 1n, 4n, 7n, 8n])
  })
})

test('a folder of data comes back as it was packed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ao-my-pack-'))
  try {
    const [from, to] = [join(folder, 'from'), join(folder, 'to')]
    mkdirSync(join(from, 'shop'), { recursive: true, mode: 0o750 })
    writeFileSync(join(from, 'shop', 'rows.ibd'), Buffer.alloc(300_000, 3), { mode: 0o640 })
    const parts: Buffer[] = []
    const take = async (bytes: AsyncIterable<Buffer>): Promise<void> => {
      for await (const part of bytes) parts.push(part)
    }
    await packFolder(from, take, soon())
    async function* given(): AsyncGenerator<Buffer> {
      yield* parts
    }
    await unpackFolder(given(), to, undefined, soon())
    assert.ok(readFileSync(join(to, 'shop', 'rows.ibd')).equals(Buffer.alloc(300_000, 3)))
    assert.equal(statSync(join(to, 'shop', 'rows.ibd')).mode & 0o777, 0o640)
    async function* cut(): AsyncGenerator<Buffer> {
      yield Buffer.concat(parts).subarray(0, 70_000)
    }
    await assert.rejects(unpackFolder(cut(), join(folder, 'half'), undefined, soon()))
    await assert.rejects(packFolder(join(folder, 'none'), take, soon()))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
