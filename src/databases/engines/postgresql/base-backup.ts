// Copies a running server by the replication protocol's own command, BASE_BACKUP (protocol docs,
// 55.4): no program of PostgreSQL is needed for it.

import { mkdirSync } from 'node:fs'
import type pg from 'pg'
import { Fault } from '../../../foundation/fault.ts'
import type { Progress } from '../../engine.ts'
import { addCrc, beginCrc, finishCrc } from './crc32c.ts'
import { give, type Owner } from './owner.ts'
import type { Session } from './session.ts'
import { Unpacker } from './tar.ts'

/** Waiting bytes above which the stream is paused, and below which it goes on. */
const waiting = { most: 8 * 1024 * 1024, least: 1024 * 1024 }

/** What `pg` calls while a query is under way (its `Submittable`). */
interface Submittable {
  submit(connection: pg.Connection): void
  handleRowDescription(): void
  handleDataRow(message: { readonly fields: readonly (string | null)[] }): void
  handleCommandComplete(): void
  handleCopyData(message: { readonly chunk: Buffer }): void
  handleCopyInResponse(): void
  handleEmptyQuery(): void
  handlePortalSuspended(): void
  handleError(thrown: Error): void
  handleReadyForQuery(): void
}

const command = (label: string, major: number): string => {
  const name = `'${label.replaceAll("'", "''")}'`
  // Version 15 has another grammar, and tells archives and manifest apart in one stream.
  return major >= 15
    ? `BASE_BACKUP (LABEL ${name}, PROGRESS, CHECKPOINT 'fast', WAL, MANIFEST 'yes')`
    : `BASE_BACKUP LABEL ${name} PROGRESS FAST WAL`
}

/** Takes the stream apart, and keeps the server from sending faster than the disk writes. */
class Receiver implements Submittable {
  readonly #session: Session
  readonly #text: string
  readonly #typed: boolean
  readonly #unpacker: Unpacker
  readonly #progress: (done: number, of: number | undefined) => void
  readonly #over = Promise.withResolvers<void>()
  readonly manifest: Buffer[] = []
  #work: Promise<void> = Promise.resolve()
  #waiting = 0
  #done = 0
  #of: number | undefined
  #archives = 0
  #inManifest = false
  #failure: unknown

  constructor(
    session: Session,
    text: string,
    typed: boolean,
    unpacker: Unpacker,
    progress: (done: number, of: number | undefined) => void,
  ) {
    this.#session = session
    this.#text = text
    this.#typed = typed
    this.#unpacker = unpacker
    this.#progress = progress
    session.client.once('end', () => this.#fail(new Error('the connection ended')))
  }

  /** Resolves when everything has been unpacked. */
  async finished(): Promise<void> {
    await this.#over.promise
    await this.#work
    if (this.#failure !== undefined) throw this.#failure
    await this.#unpacker.end()
  }

  submit(connection: pg.Connection): void {
    connection.query(this.#text)
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    // Of the rows that come before the data, the one of three columns gives sizes in kB.
    if (fields.length === 3 && fields[2] !== null) this.#of = Number(fields[2]) * 1024
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    if (!this.#typed) return this.#take(chunk)
    switch (String.fromCharCode(chunk[0] ?? 0)) {
      case 'n':
        this.#archives += 1
        if (this.#archives > 1) this.#fail(manyTablespaces())
        return
      case 'm':
        this.#inManifest = true
        return
      case 'd':
        if (this.#inManifest) this.manifest.push(Buffer.from(chunk.subarray(1)))
        else this.#take(chunk.subarray(1))
        return
      default:
        // How far it is, which is counted here as well.
        return
    }
  }

  handleError(thrown: Error): void {
    this.#fail(thrown)
  }

  handleReadyForQuery(): void {
    this.#over.resolve()
  }

  handleRowDescription(): void {}
  handleCommandComplete(): void {}
  handleCopyInResponse(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}

  #take(bytes: Buffer): void {
    if (this.#failure !== undefined) return
    // The parser goes on to use its buffer.
    const mine = Buffer.from(bytes)
    this.#waiting += mine.length
    if (this.#waiting > waiting.most) this.#session.socket.pause()
    this.#work = this.#work.then(() => this.#write(mine)).catch((thrown) => this.#fail(thrown))
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#failure === undefined) await this.#unpacker.write(bytes)
    this.#waiting -= bytes.length
    this.#done += bytes.length
    if (this.#waiting < waiting.least) this.#session.socket.resume()
    this.#progress(this.#done, this.#of)
  }

  #fail(thrown: unknown): void {
    this.#failure ??= thrown
    this.#over.resolve()
  }
}

const manyTablespaces = (): Fault =>
  new Fault('unsupported', 'the database has tablespaces of its own, which are not copied', {
    remedy: 'move the tables of other tablespaces into the default one',
  })

/** Copies into `folder`, which is made; what is there is whole and on disk once this resolves. */
export async function receiveBaseBackup(
  session: Session,
  folder: string,
  owner: Owner | undefined,
  label: string,
  major: number,
  progress: (progress: Progress) => void,
): Promise<void> {
  mkdirSync(folder, { mode: 0o700 })
  give(folder, owner)
  const sums = new Map<string, number>()
  const found = new Map<string, { readonly bytes: number; readonly sum: number }>()
  const sizes = new Map<string, number>()
  const unpacker = new Unpacker(folder, owner, (path, bytes) => {
    if (bytes === undefined) {
      found.set(path, { bytes: sizes.get(path) ?? 0, sum: finishCrc(sums.get(path) ?? beginCrc) })
      sums.delete(path)
      sizes.delete(path)
    } else {
      sums.set(path, addCrc(sums.get(path) ?? beginCrc, bytes))
      sizes.set(path, (sizes.get(path) ?? 0) + bytes.length)
    }
  })
  const typed = major >= 15
  const receiver = new Receiver(session, command(label, major), typed, unpacker, (done, of) =>
    progress({ step: 'copying', done, of: of === undefined ? undefined : Math.max(of, done) }),
  )
  session.client.query(receiver as unknown as pg.Submittable)
  try {
    await receiver.finished()
  } catch (thrown) {
    await unpacker.abandon()
    throw thrown
  }
  if (typed) checkManifest(Buffer.concat(receiver.manifest).toString('utf8'), found)
}

interface Manifest {
  readonly Files?: readonly {
    readonly Path?: string
    readonly Size: number
    readonly 'Checksum-Algorithm'?: string
    readonly Checksum?: string
  }[]
}

/** Every file that the server says it sent has come as it was sent (backup manifest format). */
function checkManifest(
  text: string,
  found: ReadonlyMap<string, { readonly bytes: number; readonly sum: number }>,
): void {
  const { Files: files } = JSON.parse(text) as Manifest
  for (const { Path: path, Size: size, Checksum: checksum } of files ?? []) {
    if (path === undefined) continue
    const file = found.get(path)
    const sum = file === undefined ? '' : littleEndian(file.sum)
    if (file?.bytes === size && (checksum === undefined || checksum === sum)) continue
    throw new Fault('corrupt', `the copy of ${path} is not what was sent`, {
      remedy: 'it is tried again; if it stays so, test the memory and disks of both machines',
    })
  }
}

/** As the manifest writes a sum: its bytes as they lie in memory. */
function littleEndian(sum: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(sum)
  return bytes.toString('hex')
}
