// What a server says, in a file that does not grow without end: it may lie in memory (/run), and a
// server that is asked for what it refuses says so each time. The server writes by itself, whatever
// becomes of its guard: so the file is not changed for another as it runs, but emptied.

import {
  closeSync,
  fstat,
  fstatSync,
  ftruncate,
  openSync,
  read,
  readSync,
  renameSync,
  statSync,
} from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { systemCode } from '../../foundation/fault.ts'

/** A log of more bytes than this is set aside before a start, and emptied later on. */
const logBytesMost = 16 * 1024 * 1024

/** So much of the end of a log that is emptied is kept beside it. */
const keptBytes = 1024 * 1024

/** So much of the end of a log is read for a server's last words. */
const lastBytes = 4096

const [statOf, readFrom, truncate] = [promisify(fstat), promisify(read), promisify(ftruncate)]

/** The log of one run of a server. What it said before is `<path>.1`, as far as that is kept. */
export class KeptLog implements Disposable {
  readonly #path: string
  /** Appends, also after it was emptied; for the server. */
  readonly descriptor: number
  #shortening: Promise<void> = Promise.resolve()

  /** Opens it; throws what the system says where that cannot be. */
  constructor(path: string) {
    setAside(path)
    this.#path = path
    this.descriptor = openSync(path, 'a+', 0o600)
  }

  /**
   * Empties it if it has grown too long, and then keeps its end: a full disk has room by then. What
   * is written in between is lost. Rejects with what the system says where not all could be done.
   */
  shorten(): Promise<void> {
    const done = this.#shorten()
    this.#shortening = done.catch(() => {})
    return done
  }

  async #shorten(): Promise<void> {
    const { size } = await statOf(this.descriptor)
    if (size <= logBytesMost) return
    let end: Buffer
    try {
      end = await this.#end(size)
    } finally {
      await truncate(this.descriptor, 0)
    }
    // Never over a file that is there: in the server's folder it could lead anywhere.
    await rm(`${this.#path}.1`, { force: true })
    await writeFile(`${this.#path}.1`, end, { flag: 'wx', mode: 0o600 })
  }

  async #end(size: number): Promise<Buffer> {
    const buffer = Buffer.alloc(keptBytes)
    const { bytesRead } = await readFrom(this.descriptor, buffer, 0, keptBytes, size - keptBytes)
    // From the begin of a line.
    return buffer.subarray(buffer.indexOf(0x0a) + 1, bytesRead)
  }

  /** The last lines of it, at most five. */
  lastWords(): string {
    // Its file may have been moved: whoever cares for logs knows nothing of this one.
    const { size } = fstatSync(this.descriptor)
    const bytes = Buffer.alloc(Math.min(size, lastBytes))
    const length = readSync(this.descriptor, bytes, 0, bytes.length, size - bytes.length)
    return bytes.toString('utf8', 0, length).trimEnd().split('\n').slice(-5).join('\n')
  }

  /** Nothing of it is under way any more when its descriptor is given back. */
  [Symbol.dispose](): void {
    void this.#shortening.then(() => closeSync(this.descriptor))
  }
}

function setAside(log: string): void {
  try {
    if (statSync(log).size > logBytesMost) renameSync(log, `${log}.1`)
  } catch (thrown) {
    if (systemCode(thrown) !== 'ENOENT') throw thrown
  }
}
