// A client that costs next to nothing: the same requests again and again, as many at once as a
// connection is allowed, every answer counted and looked at. Runs as a process of its own.
//
//   node bench/coordination/load.ts '{"port":2181,"kind":"read",…}'

import { connect, type Socket } from 'node:net'
import { Writer } from '../../src/wire/jute/archive.ts'
import { writeRequest } from '../../src/wire/jute/frames.ts'
import { connectRequest } from '../../src/wire/jute/records.ts'

/** What is asked. */
export type LoadKind = 'read' | 'write' | 'mixed'

/** How it is asked. */
export interface LoadOptions {
  readonly port: number
  readonly kind: LoadKind
  readonly connections: number
  /** Requests that a connection sends before it waits for answers. */
  readonly window: number
  readonly seconds: number
  /** The bytes of each node's data. */
  readonly bytes: number
}

/** What came of it. */
export interface LoadResult {
  readonly operations: number
  readonly seconds: number
  /** Milliseconds from a window's first byte out to its last answer in. */
  readonly p50: number
  readonly p99: number
  readonly errors: number
}

/** The nodes that are read and written, one a connection. */
export const pathOf = (index: number): string => `/bench/node-${String(index).padStart(6, '0')}`

function hello(): Buffer {
  const writer = new Writer()
  const start = writer.beginFrame()
  connectRequest.write(writer, {
    protocolVersion: 0,
    lastZxidSeen: 0n,
    timeout: 30_000,
    sessionId: 0n,
    password: Buffer.alloc(16),
    readOnly: false,
  })
  writer.endFrame(start)
  return writer.take()
}

/** A window of requests, as bytes; one in ten of `mixed` is a write. */
function windowOf({ kind, window, bytes }: LoadOptions, index: number): Buffer {
  const writer = new Writer(window * (bytes + 100))
  const data = Buffer.alloc(bytes, 0x61)
  const path = pathOf(index)
  for (let at = 0; at < window; at += 1) {
    const isWrite = kind === 'write' || (kind === 'mixed' && at % 10 === index % 10)
    if (isWrite) writeRequest(writer, at + 1, 'setData', { path, data, version: -1 })
    else writeRequest(writer, at + 1, 'getData', { path, watch: false })
  }
  return writer.take()
}

interface Tally {
  operations: number
  errors: number
  readonly latencies: number[]
}

/** Counts the whole answers of a stream without keeping them. */
function answerCounter(tally: Tally): (bytes: Buffer, length: number) => number {
  const partial = Buffer.alloc(64 * 1024)
  let held = 0
  let skip = 0
  return (bytes, length) => {
    let at = 0
    let count = 0
    while (at < length) {
      if (skip > 0) {
        const step = Math.min(skip, length - at)
        skip -= step
        at += step
        if (skip === 0) count += 1
        continue
      }
      // The head of an answer: length, xid, zxid, error.
      if (held === 0 && length - at >= 20) {
        if (bytes.readInt32BE(at + 16) !== 0) tally.errors += 1
        const end = at + 4 + bytes.readInt32BE(at)
        if (end <= length) {
          at = end
          count += 1
        } else {
          skip = end - length
          at = length
        }
        continue
      }
      const step = Math.min(20 - held, length - at)
      bytes.copy(partial, held, at, at + step)
      held += step
      at += step
      if (held < 20) continue
      held = 0
      if (partial.readInt32BE(16) !== 0) tally.errors += 1
      skip = partial.readInt32BE(0) - 16
      if (skip === 0) count += 1
    }
    return count
  }
}

/** One connection that asks until `deadline`; resolves when its last answer is in. */
function drive(
  options: LoadOptions,
  index: number,
  tally: Tally,
  go: Promise<number>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const requests = windowOf(options, index)
  const count = answerCounter(tally)
  let isOpen = false
  let answered = 0
  let sentAt = 0
  let deadline = 0
  let greeting = 0
  const send = (): void => {
    answered = 0
    sentAt = performance.now()
    socket.write(requests)
  }
  const received = (length: number, bytes: Uint8Array): boolean => {
    if (!isOpen) {
      greeting += length
      if (greeting < 41) return true
      isOpen = true
      opened.resolve()
      return true
    }
    answered += count(bytes as Buffer, length)
    if (answered < options.window) return true
    const now = performance.now()
    tally.operations += answered
    tally.latencies.push(now - sentAt)
    if (now < deadline) send()
    else {
      socket.destroy()
      resolve()
    }
    return true
  }
  const opened = Promise.withResolvers<void>()
  const buffer = Buffer.alloc(64 * 1024)
  const socket: Socket = connect({
    port: options.port,
    host: '127.0.0.1',
    noDelay: true,
    onread: { buffer, callback: received },
  })
  socket.on('error', reject)
  socket.on('connect', () => socket.write(hello()))
  ready.push(opened.promise)
  void go.then((until) => {
    deadline = until
    send()
  })
  return promise
}

const ready: Promise<void>[] = []

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? '{}') as LoadOptions
  const tally: Tally = { operations: 0, errors: 0, latencies: [] }
  const go = Promise.withResolvers<number>()
  const runs = Array.from({ length: options.connections }, (_, index) =>
    drive(options, index, tally, go.promise),
  )
  await Promise.all(ready)
  // The caller reads the server's clock when everybody is connected, and when everybody is done.
  process.stdout.write('ready\n')
  await new Promise<void>((resolve) => process.stdin.once('data', () => resolve()))
  const began = performance.now()
  go.resolve(began + options.seconds * 1000)
  await Promise.all(runs)
  const sorted = tally.latencies.toSorted((a, b) => a - b)
  const result: LoadResult = {
    operations: tally.operations,
    seconds: (performance.now() - began) / 1000,
    p50: at(sorted, 0.5),
    p99: at(sorted, 0.99),
    errors: tally.errors,
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
  process.exit(0)
}

if (import.meta.main) await main()
