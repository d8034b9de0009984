// The stream of the replication protocol's command BASE_BACKUP (protocol docs, 55.4): one tar
// archive and a manifest, given to whoever takes them.

import type pg from 'pg'
import { Fault } from '../../../foundation/fault.ts'
import type { Session } from './session.ts'
import { Submitted } from './submitted.ts'

/** Waiting bytes above which the stream is paused, and below which it goes on. */
const waiting = { most: 8 * 1024 * 1024, least: 1024 * 1024 }

/** How a base backup is asked for. */
export interface BaseOrder {
  readonly label: string
  /** Of the server that is asked. */
  readonly major: number
  /** In kilobytes a second, from 32 to 1048576; `undefined`: as fast as it can. */
  readonly rate?: number | undefined
}

const commandOf = ({ label, major, rate }: BaseOrder): string => {
  const name = `'${label.replaceAll("'", "''")}'`
  // Version 15 has another grammar, and tells archives and manifest apart in one stream.
  if (major < 15) {
    const most = rate === undefined ? '' : ` MAX_RATE ${rate}`
    return `BASE_BACKUP LABEL ${name} PROGRESS FAST WAL${most}`
  }
  const most = rate === undefined ? '' : `, MAX_RATE ${rate}`
  return `BASE_BACKUP (LABEL ${name}, PROGRESS, CHECKPOINT 'fast', WAL, MANIFEST 'yes'${most})`
}

/** Where a base backup begins or ends in the log. */
export interface LogPoint {
  readonly lsn: string
  readonly line: number
}

/** What came, beside the archive itself. */
export interface BaseStream {
  readonly start: LogPoint
  readonly end: LogPoint
  /** As the server made it; empty before version 15. */
  readonly manifest: Buffer
}

/** Takes the bytes of the tar archive one after the other. */
export type Sink = (bytes: Buffer) => Promise<void>

/**
 * Runs a base backup on `session`; every byte of the archive has gone to `sink` once this
 * resolves. Rejects with what the server says, or with what the sink does.
 */
export async function streamBase(
  session: Session,
  order: BaseOrder,
  sink: Sink,
  progress: (done: number, of: number | undefined) => void,
): Promise<BaseStream> {
  const receiver = new Receiver(session, commandOf(order), order.major >= 15, sink, progress)
  session.client.query(receiver as unknown as pg.Submittable)
  await receiver.finished()
  const [start, end] = receiver.points
  if (start === undefined || end === undefined) {
    throw new Fault('failed', 'the server did not say where the backup begins and ends')
  }
  return { start, end, manifest: Buffer.concat(receiver.manifest) }
}

/** Takes the stream apart, and keeps the server from sending faster than the disk writes. */
class Receiver extends Submitted {
  readonly #session: Session
  readonly #text: string
  readonly #typed: boolean
  readonly #sink: Sink
  readonly #progress: (done: number, of: number | undefined) => void
  readonly #over = Promise.withResolvers<void>()
  readonly manifest: Buffer[] = []
  readonly points: LogPoint[] = []
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
    sink: Sink,
    progress: (done: number, of: number | undefined) => void,
  ) {
    super()
    this.#session = session
    this.#text = text
    this.#typed = typed
    this.#sink = sink
    this.#progress = progress
    session.client.once('end', () => this.#fail(new Error('the connection ended')))
  }

  /** Resolves when everything has been taken. */
  async finished(): Promise<void> {
    await this.#over.promise
    await this.#work
    if (this.#failure !== undefined) throw this.#failure
  }

  submit(connection: pg.Connection): void {
    connection.query(this.#text)
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    // Of the rows around the data, those of two columns say where in the log it begins and ends.
    const [lsn, line] = fields
    if (fields.length === 2 && lsn && line) this.points.push({ lsn, line: Number(line) })
    // The one of three columns gives sizes in kB.
    if (fields.length === 3 && fields[2]) this.#of = Number(fields[2]) * 1024
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

  #take(bytes: Buffer): void {
    if (this.#failure !== undefined) return
    // The parser goes on to use its buffer.
    const mine = Buffer.from(bytes)
    this.#waiting += mine.length
    if (this.#waiting > waiting.most) this.#session.stream.pause()
    this.#work = this.#work.then(() => this.#write(mine)).catch((thrown) => this.#fail(thrown))
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#failure === undefined) await this.#sink(bytes)
    this.#waiting -= bytes.length
    this.#done += bytes.length
    if (this.#waiting < waiting.least) this.#session.stream.resume()
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
