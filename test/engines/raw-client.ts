// A ZooKeeper client that does what a test says, byte by byte, also what no client should: one
// connection, requests and answers as records, nothing retried and nothing hidden.

import { connect, type Socket } from 'node:net'
import { type Reader, Writer } from '../../src/wire/jute/archive.ts'
import { frameSplitter, writeRequest } from '../../src/wire/jute/frames.ts'
import { type OperationName, operations, type RequestOf } from '../../src/wire/jute/messages.ts'
import { passwordBytes, specialXid } from '../../src/wire/jute/opcodes.ts'
import {
  type ConnectResponse,
  connectRequest,
  connectResponse,
  replyHeader,
  type WatcherEvent,
  watcherEvent,
} from '../../src/wire/jute/records.ts'

/** What one request came to; `closed`: the connection ended before an answer came. */
export type RawAnswer =
  | {
      readonly kind: 'answer'
      readonly zxid: bigint
      readonly error: number
      readonly body: unknown
    }
  | { readonly kind: 'closed' }

/** What a connection asks for when it begins. */
export interface RawHello {
  readonly timeout?: number
  readonly sessionId?: bigint
  readonly password?: Uint8Array | null
  readonly lastZxidSeen?: bigint
}

/** One connection. Disposing it ends the connection, not the session. */
export interface RawClient extends Disposable {
  /** Every watch event so far, in the order they came. */
  readonly events: readonly WatcherEvent[]
  readonly isClosed: boolean
  readonly closed: Promise<void>
  /** The answer to the first frame; `undefined` if the connection ended instead. */
  hello(hello?: RawHello): Promise<ConnectResponse | undefined>
  /** Sends a request; requests may be sent without waiting for the answers before. */
  ask<N extends OperationName>(name: N, request: RequestOf<N>): Promise<RawAnswer>
  /** Sends a header of any type, and bytes behind it, as a frame. */
  askBytes(type: number, body: Buffer, xid?: number): Promise<RawAnswer>
  /** Sends bytes as they are. */
  send(bytes: Buffer): void
  /** Takes nothing more from the network, as a client that hangs. */
  deafen(): void
  /** Everything that came and was no answer to `hello` or a request. */
  readonly stray: readonly Buffer[]
}

/** A request as a frame. */
function frameOf<N extends OperationName>(xid: number, name: N, request: RequestOf<N>): Buffer {
  const writer = new Writer()
  writeRequest(writer, xid, name, request)
  return writer.take()
}

/** The record of an answer; `undefined` where there is none. */
function bodyOf(name: OperationName | undefined, reader: Reader): unknown {
  if (name === undefined) return reader.left === 0 ? undefined : `${reader.left} bytes`
  return operations[name].response.read(reader)
}

interface Asked {
  readonly name: OperationName | undefined
  readonly answer: (answer: RawAnswer) => void
}

/** Connects to a port of 127.0.0.1. */
export async function openRawClient(port: number, host = '127.0.0.1'): Promise<RawClient> {
  const socket: Socket = connect(port, host)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  socket.removeAllListeners('error')
  socket.setNoDelay(true)
  const events: WatcherEvent[] = []
  const stray: Buffer[] = []
  const asked = new Map<number, Asked[]>()
  const splitter = frameSplitter(64 * 1024 * 1024)
  const over = Promise.withResolvers<void>()
  let greeting: ((response: ConnectResponse | undefined) => void) | undefined
  let isClosed = false
  let xid = 0

  const answered = (frame: Reader): void => {
    if (greeting !== undefined) {
      const greet = greeting
      greeting = undefined
      greet(connectResponse.read(frame))
      return
    }
    const header = replyHeader.read(frame)
    if (header.xid === specialXid.notification) {
      events.push(watcherEvent.read(frame))
      return
    }
    const first = asked.get(header.xid)?.shift()
    if (first === undefined) {
      stray.push(Buffer.from(`unasked ${header.xid}`))
      return
    }
    const body = header.error === 0 ? bodyOf(first.name, frame) : undefined
    first.answer({ kind: 'answer', zxid: header.zxid, error: header.error, body })
  }
  socket.on('data', (chunk: Buffer) => splitter.push(chunk, answered))
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    isClosed = true
    greeting?.(undefined)
    for (const waiting of asked.values()) {
      for (const { answer } of waiting.splice(0)) answer({ kind: 'closed' })
    }
    over.resolve()
  })
  const expect = (at: number, name: OperationName | undefined): Promise<RawAnswer> => {
    const { promise, resolve } = Promise.withResolvers<RawAnswer>()
    if (isClosed) resolve({ kind: 'closed' })
    else asked.set(at, [...(asked.get(at) ?? []), { name, answer: resolve }])
    return promise
  }

  return {
    events,
    stray,
    get isClosed() {
      return isClosed
    },
    closed: over.promise,
    hello(hello = {}) {
      const { promise, resolve } = Promise.withResolvers<ConnectResponse | undefined>()
      greeting = resolve
      const writer = new Writer()
      const start = writer.beginFrame()
      connectRequest.write(writer, {
        protocolVersion: 0,
        lastZxidSeen: hello.lastZxidSeen ?? 0n,
        timeout: hello.timeout ?? 10_000,
        sessionId: hello.sessionId ?? 0n,
        password: hello.password ?? Buffer.alloc(passwordBytes),
        readOnly: false,
      })
      writer.endFrame(start)
      socket.write(writer.take())
      return promise
    },
    ask(name, request) {
      xid += 1
      const special: Partial<Record<OperationName, number>> = {
        ping: specialXid.ping,
        auth: specialXid.auth,
        setWatches: specialXid.setWatches,
        setWatches2: specialXid.setWatches,
      }
      const at = special[name] ?? xid
      socket.write(frameOf(at, name, request))
      return expect(at, name)
    },
    askBytes(type, body, at) {
      xid += 1
      const frame = Buffer.alloc(12 + body.length)
      frame.writeInt32BE(8 + body.length, 0)
      frame.writeInt32BE(at ?? xid, 4)
      frame.writeInt32BE(type, 8)
      body.copy(frame, 12)
      socket.write(frame)
      return expect(at ?? xid, undefined)
    },
    send: (bytes) => void socket.write(bytes),
    deafen: () => void socket.pause(),
    [Symbol.dispose]: () => socket.destroy(),
  }
}
