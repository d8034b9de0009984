// From what a process writes to whole lines: hides secrets, and puts lines together that come in
// pieces. What is read is written before more is read: memory stays bounded, the process waits.

import type { Readable } from 'node:stream'
import { describeError } from '../../foundation/fault.ts'
import { type Clock, ms } from '../../foundation/time.ts'
import { openRedactor } from './redact.ts'

/** A longer line is written in pieces. */
const lineBytesMost = 64 * 1024

/** A line that is not completed in this time is shown as it is: a prompt, a last word. */
const lineWithin = ms(1000)

/** What turns a stream into lines, and where they go. */
export interface LinePorts {
  readonly secrets: readonly string[]
  readonly clock: Clock
  /** Takes whole lines; nothing more is read before it has resolved. */
  append(lines: Buffer): Promise<void>
}

const newline = Buffer.from('\n')

/** Reads `stream` to its end, and resolves when its last line has been taken. Never rejects. */
export async function readLines(stream: Readable, ports: LinePorts): Promise<void> {
  const redactor = openRedactor(ports.secrets)
  let pending: Buffer[] = []
  let pendingBytes = 0
  let timer: Disposable | undefined
  let last: Promise<void> = Promise.resolve()

  const take = (): Buffer => {
    const line = Buffer.concat(pending)
    pending = []
    pendingBytes = 0
    return line
  }
  const flush = (): void => {
    if (pendingBytes > 0) last = ports.append(Buffer.concat([take(), newline]))
  }
  const accept = (bytes: Buffer): void => {
    timer?.[Symbol.dispose]()
    const end = bytes.lastIndexOf(0x0a) + 1
    if (end > 0) {
      const lines = Buffer.concat([take(), bytes.subarray(0, end)])
      last = ports.append(lines)
    }
    const rest = bytes.subarray(end)
    if (rest.length > 0) pending.push(rest)
    pendingBytes += rest.length
    if (pendingBytes >= lineBytesMost) flush()
    if (pendingBytes > 0) timer = ports.clock.after(lineWithin, flush)
  }
  try {
    for await (const chunk of stream) {
      accept(redactor.push(chunk as Buffer))
      await last
    }
  } catch (thrown) {
    flush()
    const why = Buffer.from(`alwayson: the rest of the output is lost: ${describeError(thrown)}\n`)
    last = ports.append(why)
  }
  accept(redactor.end())
  timer?.[Symbol.dispose]()
  flush()
  await last
}
