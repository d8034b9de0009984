// A log: rotated by size with whole lines, and a disk that fails costs lines and nothing else.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { fc } from '../../test/fixtures/properties.ts'
import { type Clock, instant } from '../foundation/time.ts'
import { alone } from './alone.ts'
import { type LogDisk, type LogFile, machineDisk, openLogFile } from './log-file.ts'

interface Bed extends Disposable {
  readonly folder: string
  readonly path: string
  readonly told: string[]
  /** Milliseconds that have passed. */
  now: number
  log(size: number, keep: number, disk?: LogDisk): LogFile
  read(ending?: string): string
}

function openBed(folder = mkdtempSync(join(tmpdir(), 'log-'))): Bed {
  const path = join(folder, 'web-1.log')
  const clock: Clock = {
    now: () => instant(bed.now),
    after: () => assert.fail('a log does not wait'),
  }
  const bed: Bed = {
    folder,
    path,
    told: [],
    now: 0,
    log: (size, keep, disk = machineDisk) =>
      openLogFile(path, { size, keep }, { disk, clock, listener: listenerOf(bed.told) }),
    read: (ending = '') => readFileSync(path + ending, 'utf8'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
  return bed
}

const listenerOf = (told: string[]) => ({
  losing: (why: string) => void told.push(`losing: ${why}`),
  keeping: (lost: number) => void told.push(`keeping: ${lost} lost`),
})

const lines = (...text: string[]): Buffer => Buffer.from(text.map((line) => `${line}\n`).join(''))

suite('a log', () => {
  test('is rotated before it grows beyond its size, and keeps as many as it is told', async () => {
    using bed = openBed()
    const log = bed.log(8, 2)
    for (const line of ['one', 'two', 'three', 'four', 'five']) await log.append(lines(line))
    await log.close()
    assert.deepEqual([bed.read('.2'), bed.read('.1'), bed.read()], ['three\n', 'four\n', 'five\n'])
    assert.equal(readdirSync(bed.folder).length, 3)
    assert.equal(statSync(bed.path).mode & 0o777, 0o600)
  })

  test('keeps none when told to, and removes what an earlier policy kept', async () => {
    using bed = openBed()
    for (const number of [1, 2, 3]) writeFileSync(`${bed.path}.${number}`, 'old')
    const log = bed.log(8, 0)
    await log.append(lines('one', 'two', 'three'))
    await log.close()
    assert.deepEqual(readdirSync(bed.folder), ['web-1.log'])
    assert.equal(bed.read(), 'three\n')
  })

  test('goes on where an earlier guard stopped', async () => {
    using bed = openBed()
    writeFileSync(bed.path, 'before\n')
    const log = bed.log(10, 1)
    await log.append(lines('after'))
    await log.close()
    assert.deepEqual([bed.read('.1'), bed.read()], ['before\n', 'after\n'])
  })

  test('begins anew when somebody has removed its file', async () => {
    using bed = openBed()
    const log = bed.log(1000, 1)
    await log.append(lines('one'))
    unlinkSync(bed.path)
    bed.now = 1000
    await log.append(lines('two'))
    await log.close()
    assert.equal(bed.read(), 'two\n')
  })

  test('never cuts a line, and loses none that it is to keep, however they come', async () => {
    const line = fc.string({ minLength: 0, maxLength: 30, unit: 'binary-ascii' })
    const clean = line.map((text) => text.replaceAll('\n', ' '))
    const appends = fc.array(fc.array(clean, { minLength: 1, maxLength: 8 }), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(appends, fc.integer({ min: 1, max: 300 }), async (parts, size) => {
        using bed = openBed()
        const log = bed.log(size, 20)
        for (const part of parts) await log.append(lines(...part))
        await log.close()
        const names = readdirSync(bed.folder).toSorted((a, b) => numberOf(b) - numberOf(a))
        const files = names.map((name) => readFileSync(join(bed.folder, name), 'utf8'))
        const all = lines(...parts.flat()).toString()
        assert.ok(all.endsWith(files.join('')))
        if (files.length <= 20) assert.equal(files.join(''), all)
        for (const file of files) {
          assert.ok(file === '' || file.endsWith('\n'))
          assert.ok(file.length <= size || file.indexOf('\n') === file.length - 1)
        }
      }),
      { numRuns: 40 },
    )
  })
})

const numberOf = (name: string): number => Number(/\.(\d+)$/.exec(name)?.[1] ?? 0)

/** A disk with room for so many bytes; what does not fit is written in part, as write(2) does. */
function smallDisk(room: { bytes: number; code: string }): LogDisk {
  const refuse = (): never => {
    throw Object.assign(new Error(room.code), { code: room.code })
  }
  return {
    ...machineDisk,
    async open(path) {
      const file = await machineDisk.open(path)
      return {
        ...file,
        async append(bytes) {
          if (room.bytes === 0) refuse()
          const written = await file.append(bytes.subarray(0, room.bytes))
          room.bytes -= written
          return written
        },
        async truncate(size) {
          room.bytes += statSync(path).size - size
          await file.truncate(size)
        },
      }
    },
    async remove(path) {
      const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
      room.bytes += size
      return machineDisk.remove(path)
    },
  }
}

suite('a log on a disk that takes nothing more', () => {
  for (const [code, words] of [
    ['ENOSPC', 'disk full'],
    ['EDQUOT', 'disk quota used up'],
    ['EFBIG', 'file size limit reached'],
    ['EIO', 'disk fails'],
  ] as const) {
    test(`drops lines whole, counts them, and says so when it can (${code})`, async () => {
      using bed = openBed()
      const room = { bytes: 10, code }
      const log = bed.log(1_000_000, 1, smallDisk(room))
      await log.append(lines('one'))
      await log.append(lines('two', 'three'))
      assert.equal(bed.read(), 'one\n', 'what was written of a line that did not fit is taken back')
      await log.append(lines('four'))
      assert.deepEqual(bed.told, [`losing: ${words}`])
      room.bytes = 200_000
      await log.append(lines('five'))
      assert.equal(bed.read(), 'one\n', 'it is not tried at every line')
      bed.now = 1000
      await log.append(lines('six'))
      await log.close()
      assert.equal(bed.read(), `one\nalwayson: 4 lines lost: ${words}\nsix\n`)
      assert.deepEqual(bed.told, [`losing: ${words}`, 'keeping: 4 lost'])
      assert.deepEqual(readdirSync(bed.folder), ['web-1.log'])
    })
  }

  test('does not call a few free bytes space', async () => {
    using bed = openBed()
    const room = { bytes: 4, code: 'ENOSPC' }
    const log = bed.log(1_000_000, 1, smallDisk(room))
    await log.append(lines('one', 'two'))
    room.bytes = 1000
    for (let second = 1; second < 10; second += 1) {
      bed.now = 1000 * second
      await log.append(lines('more'))
    }
    await log.close()
    assert.deepEqual(bed.told, ['losing: disk full'])
    assert.equal(room.bytes, 1000, 'the try itself leaves nothing behind')
  })

  test('survives a folder that is gone', async () => {
    using bed = openBed()
    const log = bed.log(10, 1)
    rmSync(bed.folder, { recursive: true })
    await log.append(lines('one', 'two'))
    await log.close()
    assert.match(bed.told[0] ?? '', /losing: .*no such file or directory/)
  })

  test('that several write loses no line and cuts none, whoever rotates it', async () => {
    using bed = openBed()
    const writers = ['a', 'b', 'c'].map(() =>
      openLogFile(
        bed.path,
        { size: 100, keep: 50 },
        {
          disk: machineDisk,
          clock: { now: () => instant(bed.now), after: () => assert.fail('a log does not wait') },
          listener: listenerOf(bed.told),
          alone: (deed) => alone(bed.path, deed),
        },
      ),
    )
    const wanted: string[] = []
    for (let round = 0; round < 60; round += 1) {
      bed.now += 300
      await Promise.all(
        writers.map((log, writer) => {
          wanted.push(`${writer}-${round}`)
          return log.append(lines(`${writer}-${round}`))
        }),
      )
    }
    await Promise.all(writers.map((log) => log.close()))
    const names = readdirSync(bed.folder)
    const found = names.flatMap((name) =>
      readFileSync(join(bed.folder, name), 'utf8').trimEnd().split('\n'),
    )
    assert.deepEqual(found.toSorted(), wanted.toSorted())
    assert.ok(names.length > 3)
    assert.deepEqual(bed.told, [])
  })

  test('goes on in the file that another program has put in its place', async () => {
    using bed = openBed()
    const log = openLogFile(
      bed.path,
      { size: 1000, keep: 1 },
      {
        disk: machineDisk,
        clock: { now: () => instant(bed.now), after: () => assert.fail('a log does not wait') },
        listener: listenerOf(bed.told),
        alone: (deed) => alone(bed.path, deed),
      },
    )
    await log.append(lines('before'))
    renameSync(bed.path, `${bed.path}.moved`)
    bed.now += 2000
    await log.append(lines('after'))
    await log.close()
    assert.equal(bed.read(), 'after\n')
    assert.equal(bed.read('.moved'), 'before\n')
  })
})

/** A file system of 256 KiB, or why there is none. */
function mountSmall(): { readonly folder: string; readonly why: string | undefined } {
  const folder = mkdtempSync(join(tmpdir(), 'small-'))
  const args = ['-t', 'tmpfs', '-o', 'size=256k', 'alwayson-test', folder]
  const mounted = spawnSync('mount', args, { encoding: 'utf8' })
  if (mounted.status === 0) return { folder, why: undefined }
  rmSync(folder, { recursive: true })
  const cause = mounted.error?.message ?? mounted.stderr.trim()
  return { folder, why: `no file system can be mounted here (root is needed): ${cause}` }
}

test('a log on a file system that is really full loses lines and finds back', async (t) => {
  const { folder, why } = mountSmall()
  if (why !== undefined) return t.skip(why)
  try {
    using bed = openBed(mkdtempSync(join(folder, 'logs-')))
    const ballast = join(folder, 'ballast')
    assert.throws(() => writeFileSync(ballast, Buffer.alloc(1_000_000)), { code: 'ENOSPC' })
    const log = bed.log(50_000, 2)
    for (let line = 1; line <= 100; line += 1) await log.append(lines(`line ${line}`))
    assert.deepEqual(bed.told, ['losing: disk full'])
    rmSync(ballast)
    bed.now = 1000
    await log.append(lines('after'))
    assert.deepEqual(bed.told, ['losing: disk full', 'keeping: 100 lost'])
    assert.equal(bed.read(), 'alwayson: 100 lines lost: disk full\nafter\n')
    await log.close()
  } finally {
    spawnSync('umount', [folder])
    rmSync(folder, { recursive: true, force: true })
  }
})
