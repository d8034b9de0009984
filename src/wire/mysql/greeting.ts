// What do a server of MySQL or MariaDB and its client say first? (MySQL Internals, "Connection
// Phase Packets"; MariaDB, "Connecting".) Both are read strictly; lengths are never changed.

import { afterNumber, numberAt, packetOf } from './packets.ts'

/** Abilities, by their bits. */
export const abilities = {
  connectWithDatabase: 0x8,
  compress: 0x20,
  tls: 0x800,
  secureConnection: 0x8000,
  pluginAuth: 0x80000,
  attributes: 0x100000,
  longAuth: 0x200000,
  deprecateEof: 0x1000000,
} as const

/** With these a stream could not be followed: TLS, compression, answers without their columns. */
const unfollowed = 0x20 | 0x800 | (1 << 25) | (1 << 26) | (1 << 27)

/** What a server says of itself. */
export interface Greeting {
  readonly salt: Buffer
  readonly abilities: number
  readonly plugin: string
}

/** Reads a greeting; `undefined` if it is none of protocol 10. */
export function readGreeting(payload: Buffer): Greeting | undefined {
  const version = payload.indexOf(0, 1)
  const salt = version + 5
  if (payload[0] !== 10 || version < 0 || payload.length < salt + 31) return undefined
  const low = payload.readUInt16LE(salt + 9)
  const high = payload.readUInt16LE(salt + 14)
  const saltLength = Math.max(13, (payload[salt + 16] as number) - 8)
  const rest = salt + 27
  const zero = payload.indexOf(0, rest + saltLength)
  const parts = [payload.subarray(salt, salt + 8), payload.subarray(rest, rest + saltLength - 1)]
  return {
    salt: Buffer.concat(parts).subarray(0, 20),
    abilities: (low | (high << 16)) >>> 0,
    plugin: payload.toString('latin1', rest + saltLength, zero < 0 ? payload.length : zero),
  }
}

/** Takes from a greeting, where it stands, what a stream could not be followed with. */
export function tameGreeting(bytes: Buffer, start: number, end: number): void {
  const version = bytes.indexOf(0, start + 1)
  const salt = version + 5
  if (version < 0 || salt + 31 > end) return
  bytes.writeUInt16LE(bytes.readUInt16LE(salt + 9) & ~unfollowed & 0xffff, salt + 9)
  const high = ~(unfollowed >>> 16) & 0xffff
  bytes.writeUInt16LE(bytes.readUInt16LE(salt + 14) & high, salt + 14)
  // MariaDB's own abilities stand in the last four of ten reserved bytes.
  bytes.fill(0, salt + 23, salt + 27)
}

/** Who a client is, and what it can. */
export interface Response {
  readonly abilities: number
  /** Abilities, packet size and character set, as they were sent. */
  readonly head: Buffer
  readonly user: string
  readonly database: string
  /** Attributes of the connection, as they were sent. */
  readonly attributes: Buffer
}

/** Reads a client's answer to a greeting; `undefined` for what cannot be said again. */
export function readResponse(payload: Buffer): Response | undefined {
  if (payload.length < 33) return undefined
  const can = payload.readUInt32LE(0)
  const userEnd = payload.indexOf(0, 32)
  if (userEnd < 0 || (can & abilities.secureConnection) === 0) return undefined
  let at = userEnd + 1
  const isLong = (can & abilities.longAuth) !== 0
  const length = isLong ? numberAt(payload, at, payload.length) : payload[at]
  if (length === undefined) return undefined
  at = (isLong ? afterNumber(payload, at) : at + 1) + length
  const takeText = (): string => {
    const zero = payload.indexOf(0, at)
    const stop = zero < 0 ? payload.length : zero
    const text = payload.toString('utf8', at, stop)
    at = stop + 1
    return text
  }
  const database = (can & abilities.connectWithDatabase) === 0 ? '' : takeText()
  if ((can & abilities.pluginAuth) !== 0) takeText()
  const attributes = (can & abilities.attributes) === 0 ? Buffer.alloc(0) : payload.subarray(at)
  return {
    abilities: can,
    head: Buffer.from(payload.subarray(0, 32)),
    user: payload.toString('utf8', 32, userEnd),
    database,
    attributes: Buffer.from(attributes),
  }
}

/**
 * How a response, with all before it that is sent in the clear, is said under TLS: first its head
 * alone, which asks for that, then all of it, one number later ("Protocol::SSLRequest").
 * `undefined` where `said` is not yet a whole packet.
 */
export function underTls(
  said: Buffer,
): { readonly request: Buffer; readonly response: Buffer } | undefined {
  if (said.length < 4) return undefined
  const end = 4 + said.readUIntLE(0, 3)
  if (said.length < end) return undefined
  const payload = Buffer.from(said.subarray(4, end))
  payload.writeUInt32LE((payload.readUInt32LE(0) | abilities.tls) >>> 0, 0)
  const number = said[3] as number
  const response = Buffer.concat([packetOf(number + 1, payload), said.subarray(end)])
  return { request: packetOf(number, payload.subarray(0, 32)), response }
}

/** The same client's answer to another greeting. */
export function writeResponse(client: Response, plugin: string, proof: Buffer): Buffer {
  const can = client.abilities
  const parts = [client.head, Buffer.from(`${client.user}\0`), Buffer.from([proof.length]), proof]
  if ((can & abilities.connectWithDatabase) !== 0) parts.push(Buffer.from(`${client.database}\0`))
  if ((can & abilities.pluginAuth) !== 0) parts.push(Buffer.from(`${plugin}\0`))
  parts.push(client.attributes)
  return Buffer.concat(parts)
}
