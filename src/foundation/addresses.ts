// IP addresses as texts and as sixteen bytes, and which network one belongs to. Pure.

/** An address and a port of one side of a connection. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Both sides of a client's connection: where it comes from, and where it connected to. */
export interface Ends {
  readonly from: Endpoint
  readonly to: Endpoint
}

/** The ends of a connection as a socket says them. */
export const endsOf = (from: string, fromPort: number, to: string, toPort: number): Ends => ({
  from: { host: from, port: fromPort },
  to: { host: to, port: toPort },
})

const mappedPrefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

/**
 * The sixteen bytes of an address; an IPv4 address as `::ffff:10.0.0.5` (RFC 4291 2.5.5.2).
 * `undefined` for what is none: no leading zeros, no zone, nothing around it.
 */
export function addressBytes(text: string): Uint8Array | undefined {
  const four = text.includes(':') ? undefined : ipv4(text)
  if (!text.includes(':')) return four && Uint8Array.from([...mappedPrefix, ...four])
  return ipv6(text)
}

function ipv4(text: string): readonly number[] | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const bytes = parts.map((part) => (/^(0|[1-9]\d{0,2})$/.test(part) ? Number(part) : 256))
  return bytes.every((byte) => byte < 256) ? bytes : undefined
}

function ipv6(text: string): Uint8Array | undefined {
  if (text.length > 45) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const read = halves.map((half, index) =>
    half === '' ? [] : groups(half, index === halves.length - 1),
  )
  if (read.includes(undefined)) return undefined
  const [head = [], tail = []] = read
  const length = head.length + tail.length
  if (halves.length === 1 ? length !== 16 : length > 14) return undefined
  return Uint8Array.from([...head, ...Array<number>(16 - length).fill(0), ...tail])
}

function groups(half: string, isLast: boolean): readonly number[] | undefined {
  const bytes: number[] = []
  const parts = half.split(':')
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const four = isLast && index === parts.length - 1 ? ipv4(part) : undefined
      if (four === undefined) return undefined
      bytes.push(...four)
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      const value = Number.parseInt(part, 16)
      bytes.push(value >> 8, value & 0xff)
    } else return undefined
  }
  return bytes
}

const isMapped = (bytes: Uint8Array): boolean =>
  mappedPrefix.every((byte, index) => bytes[index] === byte)

/** The text of sixteen bytes: IPv4 as such, IPv6 as RFC 5952 writes it. */
export function addressText(bytes: Uint8Array): string {
  if (isMapped(bytes)) return bytes.subarray(12).join('.')
  const words = Array.from({ length: 8 }, (_, i) =>
    (((bytes[i * 2] as number) << 8) | (bytes[i * 2 + 1] as number)).toString(16),
  )
  const zeros = longestZeros(words)
  if (zeros.count < 2) return words.join(':')
  const head = words.slice(0, zeros.start).join(':')
  return `${head}::${words.slice(zeros.start + zeros.count).join(':')}`
}

function longestZeros(words: readonly string[]): { start: number; count: number } {
  let best = { start: 0, count: 0 }
  let start = 0
  for (let at = 0; at <= words.length; at += 1) {
    if (words[at] === '0') continue
    if (at - start > best.count) best = { start, count: at - start }
    start = at + 1
  }
  return best
}

/** Whether an address text is of IPv4, written as such or mapped into IPv6. */
export function isIpv4(text: string): boolean {
  const bytes = addressBytes(text)
  return bytes !== undefined && isMapped(bytes)
}

/** A network as its first bytes and how many bits of them count. */
interface Network {
  readonly bytes: Uint8Array
  readonly bits: number
}

/** `10.0.0.0/8`, `fd00::/8`, `10.0.0.5`; `undefined` for what is none. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/')
  const bytes = addressBytes(slash < 0 ? text : text.slice(0, slash))
  if (bytes === undefined) return undefined
  const extra = text.includes(':') ? 0 : 96
  if (slash < 0) return { bytes, bits: 128 }
  const length = text.slice(slash + 1)
  if (!/^\d{1,3}$/.test(length) || Number(length) > 128 - extra) return undefined
  return { bytes, bits: Number(length) + extra }
}

/** Which addresses are in one of several networks. */
export class Networks {
  readonly #networks: readonly Network[]

  /** Texts that are no networks are passed over: whoever reads the file refuses them. */
  constructor(texts: readonly string[]) {
    this.#networks = texts.flatMap((text) => parseNetwork(text) ?? [])
  }

  has(address: string): boolean {
    const bytes = addressBytes(address)
    return bytes !== undefined && this.#networks.some((network) => contains(network, bytes))
  }
}

function contains({ bytes, bits }: Network, address: Uint8Array): boolean {
  for (let i = 0; i * 8 < bits; i += 1) {
    const mask = bits - i * 8 >= 8 ? 0xff : (0xff << (8 - (bits - i * 8))) & 0xff
    if ((((bytes[i] as number) ^ (address[i] as number)) & mask) !== 0) return false
  }
  return true
}
