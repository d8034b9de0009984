// Which memory do reads go to? One buffer for all, and a private one while a large body passes.

/** Up to here a write goes out as a string: the runtime copies only what the system leaves. */
export const stringBytesMost = 16 * 1024
/** Up to here what is passed on is kept as text; more is copied once, and goes out at once. */
export const keptBytesMost = 4 * 1024

const sharedBytes = 64 * 1024
const largeBytes = 256 * 1024
/** For what is read at once, behind the head that goes before it. */
const joinedBytes = 80 * 1024
/** What is put together in one turn waits here for its end; what does not fit goes out at once. */
const turnBytes = 256 * 1024
/** Large private buffers in use at once: 32 MiB. Whoever comes later gets a small one. */
const largeMost = 128
const keptMost = 16

/** The buffers of one process. */
export class BufferStore {
  /** What is read here is consumed or copied before the next read of any connection. */
  readonly shared: Buffer = Buffer.allocUnsafeSlow(sharedBytes)
  /** What goes out in one write is put together here. */
  joined: Buffer = Buffer.allocUnsafeSlow(joinedBytes)
  #turn: Buffer = Buffer.allocUnsafeSlow(turnBytes)
  #turnUsed = 0
  readonly #free: Buffer[] = []
  #largeInUse = 0

  /** The system has not taken all that was put together: it keeps this memory until it has. */
  renewJoined(): void {
    this.joined = Buffer.allocUnsafeSlow(joinedBytes)
  }

  /** Memory for something that is written before `turned`; `undefined` when none is left. */
  place(size: number): Buffer | undefined {
    const from = this.#turnUsed
    if (from + size > turnBytes) return undefined
    this.#turnUsed = from + size
    return this.#turn.subarray(from, from + size)
  }

  /** All that lay in places has been written. */
  turned(): void {
    this.#turnUsed = 0
  }

  /** The system has not taken what lay in a place: it keeps this memory until it has. */
  renewPlaces(): void {
    this.#turn = Buffer.allocUnsafeSlow(turnBytes)
    this.#turnUsed = 0
  }

  /** A private buffer. */
  take(): Buffer {
    if (this.#largeInUse >= largeMost) return Buffer.allocUnsafeSlow(sharedBytes)
    this.#largeInUse += 1
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(largeBytes)
  }

  /** Takes a private buffer back; the shared one and small ones need no care. */
  give(buffer: Buffer): void {
    if (buffer.length !== largeBytes) return
    this.#largeInUse -= 1
    if (this.#free.length < keptMost) this.#free.push(buffer)
  }
}
