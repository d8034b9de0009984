// One socket handle as a connection: reads into shared memory, writes at the end of a turn.

import { getSystemErrorName } from 'node:util'
import type { Ends } from '../../../../foundation/addresses.ts'
import { latin1 } from '../../../../wire/latin1.ts'
import { Flow } from './flow.ts'
import type { Outgoing } from './outbox.ts'
import type { RawTransport } from './raw.ts'
import {
  endsOfHandle,
  type HandleOwner,
  type TcpHandle,
  type WriteRequest,
} from './raw-bindings.ts'
import { keptBytesMost, stringBytesMost } from './raw-buffers.ts'
import type { Connection, ConnectionOwner } from './transport.ts'
import { unowned } from './unowned.ts'

/** UV_EOF: the other side will send nothing more. */
const endOfFile = -4095

function onread(this: { connection: HandleOwner | undefined }): Buffer | undefined {
  return this.connection?.took()
}

/** One socket handle; see `Connection` for what it promises. */
export class RawConnection extends Flow implements Connection, HandleOwner, Outgoing {
  owner: ConnectionOwner
  readonly secure = false
  readonly alpnProtocol = ''
  written = 0
  readonly #transport: RawTransport
  readonly #handle: TcpHandle
  #peer: string | undefined
  #ends: Ends | undefined
  /** Where the next read goes: the shared buffer, or one of our own while a large body passes. */
  #buffer: Buffer
  /** A large body passes: the next read goes to a buffer of our own. */
  #isLarge = false
  /** What was written in this turn of the loop. */
  #kept = ''
  /** The same, put together in memory of this turn; `kept` comes after it. */
  #packed: Buffer | undefined
  #paused = false
  #reading = false
  #broken = false
  #closed = false
  /** What the one that this feeds has to take lies in our private buffer. */
  #lent = false

  constructor(
    transport: RawTransport,
    handle: TcpHandle,
    owner: ConnectionOwner,
    peer: string | undefined,
  ) {
    super()
    this.#transport = transport
    this.#handle = handle
    this.owner = owner
    this.#peer = peer
    this.#buffer = transport.buffers.shared
    handle.connection = this
    handle.onread = onread
  }

  get peer(): string {
    if (this.#peer === undefined) {
      const name = { address: '', port: 0, family: '' }
      this.#peer = this.#handle.getpeername(name) === 0 ? name.address : ''
    }
    return this.#peer
  }

  get ends(): Ends | undefined {
    this.#ends ??= endsOfHandle(this.#handle)
    return this.#ends
  }

  claim(ends: Ends): void {
    this.#ends = ends
    this.#peer = ends.from.host
  }

  get lent(): boolean {
    return this.#lent
  }

  /** A mistake of ours closes the connection it was made on, and leaves the others alone. */
  guarded(run: () => void): void {
    try {
      run()
    } catch (thrown) {
      this.#fault(thrown)
    }
  }

  #fault(thrown: unknown): void {
    const { owner } = this
    this.owner = unowned
    this.close()
    this.#transport.faulted(thrown)
    try {
      owner.failed('FAULT')
    } catch (again) {
      this.#transport.faulted(again)
    }
  }

  start(): void {
    if (this.#closed) return
    this.#handle.useUserBuffer(this.#buffer)
    if (!this.#paused) this.#read()
  }

  opened(status: number): void {
    if (this.#closed) return
    if (status === 0) {
      this.#handle.setNoDelay(true)
      this.start()
      return this.owner.connected()
    }
    this.close()
    this.owner.failed(getSystemErrorName(status))
  }

  /** Called for each read; returns the buffer that the next one goes to, if it is another. */
  took(): Buffer | undefined {
    if (this.#closed) return undefined
    const { state, readBytesOrError } = this.#transport.bindings
    const count = state[readBytesOrError] as number
    try {
      if (count > 0) this.owner.received(this.#buffer, count)
      else if (count < 0) this.#over(count)
    } catch (thrown) {
      this.#fault(thrown)
    }
    const isPrivate = this.#buffer !== this.#transport.buffers.shared
    return isPrivate === this.#isLarge || this.#closed || this.#lent ? undefined : this.#swap()
  }

  #over(code: number): void {
    this.#stop()
    if (code === endOfFile) return this.owner.ended()
    this.close()
    this.owner.failed(getSystemErrorName(code))
  }

  #swap(): Buffer {
    const { buffers } = this.#transport
    buffers.give(this.#buffer)
    this.#buffer = this.#isLarge ? buffers.take() : buffers.shared
    return this.#buffer
  }

  write(text: string): void {
    if (this.#broken || this.#closed) return
    if (this.#packed !== undefined || this.#kept.length + text.length > stringBytesMost) {
      this.flush()
    }
    if (this.pending > 0 || text.length > stringBytesMost) return this.#send(text)
    if (this.#kept === '') this.#transport.outbox.add(this)
    this.#kept += text
  }

  flush(): number {
    if (this.#packed !== undefined) this.#sendPacked(this.#packed)
    const text = this.#kept
    this.#kept = ''
    if (text !== '') this.#send(text)
    return this.pending
  }

  #sendPacked(bytes: Buffer): void {
    this.#packed = undefined
    this.#sendBytes(bytes)
    if (this.pending > 0) this.#transport.buffers.renewPlaces()
  }

  turned(): void {
    const isOver = this.#kept === '' && this.#packed === undefined
    if (!isOver && this.flush() > 0) this.guarded(() => this.owner.waits?.())
  }

  #send(text: string): void {
    if (this.#broken || this.#closed) return
    const { bindings, writeRequest } = this.#transport
    const code = this.#handle.writeLatin1String(writeRequest, text)
    if (code !== 0) return this.#breakOff(code)
    this.written += 1
    if (bindings.state[bindings.lastWriteWasAsync] !== 0) this.#wait(writeRequest, undefined)
  }

  writeBytes(bytes: Uint8Array): void {
    this.flush()
    this.#sendBytes(bytes)
  }

  #sendBytes(bytes: Uint8Array): void {
    if (this.#broken || this.#closed) return
    const { bindings, writeRequest } = this.#transport
    const code = this.#handle.writeBuffer(writeRequest, bytes)
    if (code !== 0) return this.#breakOff(code)
    this.written += 1
    if (bindings.state[bindings.lastWriteWasAsync] !== 0) this.#wait(writeRequest, bytes)
  }

  /** Writes bytes that are valid during this call only, in one write with what is kept. */
  #writeCopy(bytes: Buffer, start: number, end: number): void {
    if (this.#packed !== undefined) this.flush()
    const { buffers, outbox } = this.#transport
    const size = this.#kept.length + end - start
    if (this.pending > 0 || size > buffers.joined.length) {
      return this.writeBytes(Buffer.from(bytes.subarray(start, end)))
    }
    const place = buffers.place(size)
    const out = place ?? buffers.joined
    const at = this.#kept === '' ? 0 : out.write(this.#kept, 'latin1')
    this.#kept = ''
    bytes.copy(out, at, start, end)
    this.#packed = place
    if (place !== undefined) return outbox.add(this)
    this.#sendBytes(out.subarray(0, size))
    if (this.pending > 0) buffers.renewJoined()
  }

  passOn(to: Connection, bytes: Buffer, start: number, end: number): void {
    const isText = end - start <= (to instanceof RawConnection ? keptBytesMost : stringBytesMost)
    if (isText) to.write(latin1(bytes, start, end))
    else if (this.#isOurs(bytes) && to instanceof Flow) {
      to.writeBytes(bytes.subarray(start, end))
      this.#lent = to.pending > 0
    } else {
      if (to instanceof RawConnection) to.#writeCopy(bytes, start, end)
      else to.writeBytes(Buffer.from(bytes.subarray(start, end)))
      if (bytes === this.#buffer) this.#isLarge = true
    }
    if (to.pending > 0) this.waitFor(to)
  }

  #isOurs(bytes: Buffer): boolean {
    return bytes === this.#buffer && bytes !== this.#transport.buffers.shared
  }

  waitFor(to: Connection): void {
    if (this.follow(to)) this.#stop()
  }

  settle(): void {
    this.#isLarge = false
    if (this.#lent || this.feeds === undefined) return
    this.unfollow()
    if (!this.#paused) this.#read()
  }

  #wait(request: WriteRequest, held: Uint8Array | undefined): void {
    request.connection = this
    request.held = held
    this.pending += 1
    this.#transport.writeRequest = this.#transport.newWriteRequest()
  }

  /** A write that had to wait is over. */
  wrote(status: number): void {
    this.pending -= 1
    if (this.pending > 0) return
    this.release()
    if (this.#closed) return
    if (status !== 0) this.#breakOff(status)
    else this.guarded(() => this.owner.drained())
  }

  override goOn(): void {
    this.feeds = undefined
    this.#lent = false
    if (this.#closed) this.#giveBack()
    else if (!this.#paused) this.#read()
  }

  /** Reading goes on even when paused: only reading shows that the other side has gone. */
  #breakOff(status: number): void {
    if (this.#broken) return
    this.#broken = true
    process.nextTick(() => {
      if (this.#closed) return
      if (!this.#lent) this.resume()
      this.guarded(() => this.owner.unwritable(getSystemErrorName(status)))
    })
  }

  #read(): void {
    if (this.#reading || this.#closed) return
    this.#reading = true
    this.#handle.readStart()
  }

  #stop(): void {
    if (!this.#reading) return
    this.#reading = false
    this.#handle.readStop()
  }

  pause(): void {
    this.#paused = true
    this.#stop()
  }

  resume(): void {
    this.#paused = false
    if (this.feeds === undefined) this.#read()
  }

  end(): void {
    this.flush()
    if (this.#closed || this.#broken) return
    this.#handle.shutdown(new this.#transport.bindings.ShutdownWrap())
  }

  /** Gives the socket away: nothing is called back any more, and nothing is closed. */
  detach(): TcpHandle {
    this.flush()
    this.#closed = true
    this.#giveBack()
    return this.#handle
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#handle.close()
    if (!this.#lent) this.#giveBack()
  }

  reset(): void {
    this.flush()
    if (this.#closed) return
    this.#closed = true
    // libuv refuses while an end is on its way (EINVAL): then it is closed with what is left.
    if (this.#handle.reset() !== 0) this.#handle.close()
    if (!this.#lent) this.#giveBack()
  }

  #giveBack(): void {
    this.#transport.buffers.give(this.#buffer)
    this.#buffer = this.#transport.buffers.shared
  }
}
