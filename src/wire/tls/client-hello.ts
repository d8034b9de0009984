// What does a TLS client ask for? Reads its ClientHello and nothing else (RFC 8446 4.1.2). Pure.

/** What a client says before anything is agreed. */
export interface ClientHello {
  readonly kind: 'hello'
  /** The name it wants to reach, in lower case; `''` when it names none (RFC 6066 3). */
  readonly serverName: string
  /** The protocols it would speak, the most wanted first (RFC 7301 3.1). */
  readonly protocols: readonly string[]
}

/** What has come so far: a whole hello, the beginning of one, or something else. */
export type ReadHello =
  | ClientHello
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'other'; readonly why: string }

/** A hello with all its key shares is seldom longer than 2 KiB. */
export const helloBytesMost = 16 * 1024

const recordHandshake = 22
const clientHello = 1
const extensionServerName = 0
const extensionProtocols = 16
const incomplete = { kind: 'incomplete' } as const

const other = (why: string): ReadHello => ({ kind: 'other', why })

/** Reads what has come from a client, from its first byte on. */
export function readClientHello(bytes: Buffer): ReadHello {
  const message = joinRecords(bytes)
  if (!(message instanceof Uint8Array)) return message
  const reader = new Reader(message)
  try {
    return readMessage(reader)
  } catch (thrown) {
    if (thrown instanceof RangeError) return other('a ClientHello that ends before its end')
    throw thrown
  }
}

/** The handshake message without the records that it came in (RFC 8446 5.1). */
function joinRecords(bytes: Buffer): Buffer | ReadHello {
  const parts: Buffer[] = []
  let wanted = 4
  let size = 0
  for (let at = 0; size < wanted; ) {
    if (at < bytes.length && bytes[at] !== recordHandshake) return other('no TLS handshake')
    if (at + 1 < bytes.length && bytes[at + 1] !== 3) return other('no TLS version that is known')
    if (at + 5 > bytes.length) return incomplete
    const length = bytes.readUInt16BE(at + 3)
    if (length === 0 || length > helloBytesMost) return other('a record of a forbidden length')
    const part = bytes.subarray(at + 5, at + 5 + length)
    parts.push(part)
    size += part.length
    if (part.length < length && size < wanted) return incomplete
    at += 5 + length
    if (wanted > 4 || size < 4) continue
    const [head] = parts.length === 1 ? parts : [Buffer.concat(parts)]
    if (head?.[0] !== clientHello) return other('a handshake that does not begin with ClientHello')
    wanted = 4 + head.readUIntBE(1, 3)
    if (wanted > helloBytesMost) return other(`a ClientHello of more than ${helloBytesMost} bytes`)
    if (part.length < length && size < wanted) return incomplete
  }
  const [only] = parts
  const whole = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
  return whole.subarray(4, wanted)
}

/** Throws a RangeError when the message ends too early. */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isOver(): boolean {
    return this.#at >= this.#bytes.length
  }

  number(size: 1 | 2): number {
    const value = this.#bytes.readUIntBE(this.#at, size)
    this.#at += size
    return value
  }

  take(count: number): Buffer {
    if (this.#at + count > this.#bytes.length) throw new RangeError('too short')
    this.#at += count
    return this.#bytes.subarray(this.#at - count, this.#at)
  }

  /** What follows its own length in `size` bytes. */
  vector(size: 1 | 2): Buffer {
    return this.take(this.number(size))
  }
}

function readMessage(reader: Reader): ReadHello {
  reader.take(2 + 32)
  reader.vector(1)
  reader.vector(2)
  reader.vector(1)
  let serverName = ''
  let protocols: readonly string[] = []
  const extensions = new Reader(reader.isOver ? Buffer.alloc(0) : reader.vector(2))
  while (!extensions.isOver) {
    const type = extensions.number(2)
    const body = new Reader(extensions.vector(2))
    if (type === extensionServerName) serverName = readServerName(new Reader(body.vector(2)))
    else if (type === extensionProtocols) protocols = readProtocols(new Reader(body.vector(2)))
  }
  return { kind: 'hello', serverName, protocols }
}

function readServerName(list: Reader): string {
  while (!list.isOver) {
    const isHostName = list.number(1) === 0
    const name = list.vector(2)
    if (isHostName) return name.toString('latin1').toLowerCase()
  }
  return ''
}

function readProtocols(list: Reader): readonly string[] {
  const protocols: string[] = []
  while (!list.isOver) protocols.push(list.vector(1).toString('latin1'))
  return protocols
}

/** A list of protocols as it stands in the extension. */
export const protocolList = (protocols: readonly string[]): Buffer =>
  Buffer.concat(
    protocols.map((name) => Buffer.concat([Buffer.of(name.length), Buffer.from(name, 'latin1')])),
  )
