// Where do the lines of access logs go? Together, a few times a second, to files; what a disk
// cannot take in time is counted and dropped, and no request ever waits for it.

import type { LogFile, LogListener, Rotation } from '../../../../control/log-file.ts'
import type { Random } from '../../../../foundation/random.ts'
import type { TableLog } from '../../../model.ts'
import { accessLine, wentWell } from '../http/access-line.ts'
import type { Timeline } from '../http/timeline.ts'
import type { DoorMeter } from './meters.ts'
import { sourceOf } from './source.ts'

/** Opens a log that several edges write to. */
export type OpenLog = (path: string, rotation: Rotation, listener: LogListener) => LogFile

/** Lines that wait for the disk: beyond this they are lost. */
const waitingMost = 4 * 1024 * 1024
/** Lines that are written although it is not yet time. */
const batchBytes = 64 * 1024

/** What the logs of an edge tell. */
export type LogEvent = (rule: string, subject: string, why: string) => void

/** A door, as its log needs it: `meter` counts what becomes of its lines. */
export interface LoggedDoor {
  readonly frontend: string
  readonly meter: DoorMeter
}

/** One file, for all doors that log to it. */
class Writer {
  readonly path: string
  readonly rotation: Rotation
  readonly #file: LogFile
  #batch = ''
  #waiting = 0

  constructor(path: string, rotation: Rotation, open: OpenLog, listener: LogListener) {
    this.path = path
    this.rotation = rotation
    this.#file = open(path, rotation, listener)
  }

  /** Takes a line with its newline; false when there is no room for it. */
  take(line: string): boolean {
    if (this.#waiting + this.#batch.length + line.length > waitingMost) return false
    this.#batch += line
    if (this.#batch.length >= batchBytes) this.flush()
    return true
  }

  flush(): void {
    if (this.#batch === '') return
    const lines = Buffer.from(this.#batch, 'utf8')
    this.#batch = ''
    this.#waiting += lines.length
    void this.#file.append(lines).then(() => {
      this.#waiting -= lines.length
    })
  }

  close(): Promise<void> {
    this.flush()
    return this.#file.close()
  }
}

/** The access logs of one edge. */
export class AccessLogs {
  readonly #open: OpenLog
  readonly #event: LogEvent
  readonly #random: Random
  readonly #writers = new Map<string, Writer>()

  constructor(open: OpenLog, event: LogEvent, random: Random) {
    this.#open = open
    this.#event = event
    this.#random = random
  }

  /** The log of a door. */
  logOf(row: TableLog, door: LoggedDoor): AccessLog {
    const { meter } = door
    const known = this.#writers.get(row.path)
    const same = known?.rotation.size === row.size && known.rotation.keep === row.keep
    if (known !== undefined && same) return new AccessLog(row, door, known, this.#random)
    void known?.close()
    const listener: LogListener = {
      losing: (why) => this.#event('access-log-lost', row.path, `lines are lost: ${why}`),
      keeping: (lost) => {
        meter.logLost += lost
        meter.logged -= lost
        this.#event('access-log-kept', row.path, `lines are kept again, ${lost} were not`)
      },
    }
    const writer = new Writer(row.path, { size: row.size, keep: row.keep }, this.#open, listener)
    this.#writers.set(row.path, writer)
    return new AccessLog(row, door, writer, this.#random)
  }

  /** Closes what no door writes to any more. */
  keep(paths: ReadonlySet<string>): void {
    for (const [path, writer] of this.#writers) {
      if (paths.has(path)) continue
      this.#writers.delete(path)
      void writer.close()
    }
  }

  /** Hands what has come since the last time to the system. */
  flush(): void {
    for (const writer of this.#writers.values()) writer.flush()
  }

  /** Resolves when all lines are written or given up. */
  async close(): Promise<void> {
    await Promise.all([...this.#writers.values()].map((writer) => writer.close()))
  }
}

/** A client's connection, as its log shows it. */
export interface LoggedConnection {
  readonly peer: string
  readonly secure: boolean
  readonly alpnProtocol: string
}

/** The access log of one door. */
export class AccessLog {
  readonly row: TableLog
  readonly #frontend: string
  readonly #writer: Writer
  readonly #meter: DoorMeter
  readonly #random: Random

  constructor(row: TableLog, { frontend, meter }: LoggedDoor, writer: Writer, random: Random) {
    this.row = row
    this.#frontend = frontend
    this.#writer = writer
    this.#meter = meter
    this.#random = random
  }

  /** Notes a request, or a connection in TCP mode, that has ended: unless it need not be noted. */
  request(
    connection: LoggedConnection,
    timeline: Timeline,
    start: string,
    pool: { readonly row: { readonly name: string } } | undefined,
  ): void {
    const { only, sample, query } = this.row
    if (wentWell(timeline.ending, timeline.status)) {
      if (only === 'errors' || (sample < 1 && this.#random.next() >= sample)) return
    }
    const { peer, secure, alpnProtocol } = connection
    const line = accessLine({
      ...{ timeline, start, query, secure },
      frontend: this.#frontend,
      service: pool?.row.name,
      client: sourceOf(peer),
      alpn: alpnProtocol,
    })
    if (this.#writer.take(line)) this.#meter.logged += 1
    else this.#meter.logLost += 1
  }
}
