// Bytes that one side pushes and another takes: whoever pushes waits while too many lie in between.

/** So many bytes wait at most; the one that goes beyond waits until they are taken. */
const most = 8 * 1024 * 1024

/** What whoever pushes hears once nobody takes: why that is, the taker knows. */
export class NotTaken extends Error {}

export class ByteQueue implements AsyncIterable<Buffer> {
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #isOver = false
  #failure: unknown
  #hasFailed = false
  #taker: PromiseWithResolvers<void> | undefined
  #pusher: PromiseWithResolvers<void> | undefined

  /** Resolves when more may come. Rejects once nobody takes any more. */
  readonly push = async (bytes: Buffer): Promise<void> => {
    if (this.#hasFailed) throw this.#failure
    this.#chunks.push(bytes)
    this.#bytes += bytes.length
    this.#taker?.resolve()
    if (this.#bytes < most) return
    this.#pusher ??= Promise.withResolvers()
    await this.#pusher.promise
  }

  end(): void {
    this.#isOver = true
    this.#taker?.resolve()
  }

  /** Nothing more comes, and nothing more is taken; does nothing after the end. */
  fail(thrown: unknown): void {
    if (this.#isOver || this.#hasFailed) return
    this.#hasFailed = true
    this.#failure = thrown
    this.#taker?.resolve()
    this.#pusher?.resolve()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift()
        if (chunk !== undefined) {
          this.#bytes -= chunk.length
          if (this.#bytes < most) {
            this.#pusher?.resolve()
            this.#pusher = undefined
          }
          yield chunk
          continue
        }
        if (this.#hasFailed) throw this.#failure
        if (this.#isOver) return
        this.#taker = Promise.withResolvers()
        await this.#taker.promise
        this.#taker = undefined
      }
    } finally {
      this.fail(new NotTaken('nobody takes the bytes any more'))
    }
  }
}
