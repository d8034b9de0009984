// Who is the client, when a proxy before us says so? The PROXY protocol, versions 1 and 2
// (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). Bytes in, ends out, and back.

import { addressBytes, addressText, type Ends, isIpv4 } from '../../foundation/addresses.ts'
import { latin1 } from '../latin1.ts'

/** What stands at the beginning of a connection. */
export type ProxyHeader =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'bad'; readonly why: string }
  /** `end` is the byte after it; no `ends`: it says nothing of them (LOCAL, UNKNOWN, sockets). */
  | { readonly kind: 'read'; readonly end: number; readonly ends: Ends | undefined }

/** The longest line of version 1, with its CRLF (section 2.1). */
const lineMost = 107
/** The longest header of version 2 that we read: addresses and any reasonable TLVs. */
const binaryMost = 16 + 4096

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const word = Buffer.from('PROXY ', 'latin1')

const incomplete: ProxyHeader = { kind: 'incomplete' }
const bad = (why: string): ProxyHeader => ({ kind: 'bad', why })

/**
 * Reads the header that `bytes` begin with, up to `to`. Never throws; what it says does not depend
 * on how the bytes arrived cut: a longer beginning of the same bytes is never read differently.
 */
export function readProxyHeader(bytes: Buffer, to: number): ProxyHeader {
  const begins = (mark: Buffer): boolean => {
    for (let at = 0; at < Math.min(to, mark.length); at += 1) {
      if (bytes[at] !== mark[at]) return false
    }
    return true
  }
  if (begins(signature)) return to < 16 ? incomplete : readBinary(bytes, to)
  if (begins(word)) return readLine(bytes, to)
  return bad('it does not begin with a PROXY header')
}

function readLine(bytes: Buffer, to: number): ProxyHeader {
  const most = Math.min(to, lineMost)
  const cr = bytes.subarray(0, most).indexOf(0x0d)
  if (cr < 0 || cr + 1 >= most) {
    return to < lineMost ? incomplete : bad(`its line is longer than ${lineMost} bytes`)
  }
  if (bytes[cr + 1] !== 0x0a) return bad('a bare CR in its line')
  const end = cr + 2
  const [, family, from = '', to4 = '', fromPort = '', toPort = '', ...rest] = latin1(
    bytes,
    0,
    cr,
  ).split(' ')
  if (family === 'UNKNOWN') return { kind: 'read', end, ends: undefined }
  if (family !== 'TCP4' && family !== 'TCP6') return bad('it names no family that there is')
  if (rest.length > 0) return bad('there is more on its line than two addresses and ports')
  const fits = (text: string): boolean =>
    addressBytes(text) !== undefined && text.includes(':') === (family === 'TCP6')
  if (!fits(from) || !fits(to4)) return bad(`an address of it is none of ${family}`)
  const ports = [fromPort, toPort].map(portOf)
  const [one, other] = ports
  if (one === undefined || other === undefined) return bad('a port of it is none')
  return { kind: 'read', end, ends: { from: end4(from, one), to: end4(to4, other) } }
}

const end4 = (host: string, port: number): Ends['from'] => ({ host: plain(host), port })

/** The one way we write an address, however it was written. */
function plain(host: string): string {
  const bytes = addressBytes(host)
  return bytes === undefined ? host : addressText(bytes)
}

function portOf(text: string): number | undefined {
  if (!/^(0|[1-9]\d{0,4})$/.test(text)) return undefined
  const port = Number(text)
  return port <= 65_535 ? port : undefined
}

/** Bytes of addresses and ports, by family (section 2.2). */
const addressLengths: Readonly<Record<number, number>> = { 0: 0, 1: 12, 2: 36, 3: 216 }

function readBinary(bytes: Buffer, to: number): ProxyHeader {
  const [versionAndCommand, familyAndProtocol] = [bytes[12] as number, bytes[13] as number]
  if (versionAndCommand >> 4 !== 2) return bad('its binary header is of another version')
  const command = versionAndCommand & 15
  if (command > 1) return bad('it is neither LOCAL nor PROXY')
  const length = bytes.readUInt16BE(14)
  if (16 + length > binaryMost) return bad(`it is longer than ${binaryMost} bytes`)
  const [family, protocol] = [familyAndProtocol >> 4, familyAndProtocol & 15]
  const needed = addressLengths[family]
  if (needed === undefined || protocol > 2) return bad('it names no family that there is')
  if (command === 1 && protocol === 2) return bad('it says that this is a datagram')
  if (command === 1 && length < needed) return bad('it is too short for its addresses')
  if (to < 16 + length) return incomplete
  const end = 16 + length
  const says = command === 1 && protocol === 1 && (family === 1 || family === 2)
  return { kind: 'read', end, ends: says ? binaryEnds(bytes, family === 1 ? 4 : 16) : undefined }
}

function binaryEnds(bytes: Buffer, size: number): Ends {
  const host = (at: number): string =>
    size === 4 ? bytes.subarray(at, at + 4).join('.') : addressText(bytes.subarray(at, at + 16))
  const ports = 16 + 2 * size
  return {
    from: { host: host(16), port: bytes.readUInt16BE(ports) },
    to: { host: host(16 + size), port: bytes.readUInt16BE(ports + 2) },
  }
}

/** The version that a server wants to be told in. */
export type ProxyVersion = 'v1' | 'v2'

/**
 * The header that tells a server who its client is, one character a byte (latin1); without `ends`
 * that we speak for ourselves, as for a check. Ends of two families are written as IPv6.
 */
export function proxyHeader(version: ProxyVersion, ends: Ends | undefined): string {
  const from = ends && addressBytes(ends.from.host)
  const to = ends && addressBytes(ends.to.host)
  if (ends === undefined || from === undefined || to === undefined) {
    return version === 'v1' ? 'PROXY UNKNOWN\r\n' : binaryHeader(0x20, 0, [])
  }
  const four = isIpv4(ends.from.host) && isIpv4(ends.to.host)
  if (version === 'v1') return lineHeader(from, to, ends, four)
  const cut = four ? 12 : 0
  const ports = [ends.from.port, ends.to.port].flatMap((port) => [port >> 8, port & 255])
  return binaryHeader(0x21, four ? 0x11 : 0x21, [
    ...from.subarray(cut),
    ...to.subarray(cut),
    ...ports,
  ])
}

function lineHeader(from: Uint8Array, to: Uint8Array, ends: Ends, four: boolean): string {
  const text = (bytes: Uint8Array): string => {
    const short = addressText(bytes)
    return four || short.includes(':') ? short : `::ffff:${short}`
  }
  const hosts = `${text(from)} ${text(to)}`
  return `PROXY ${four ? 'TCP4' : 'TCP6'} ${hosts} ${ends.from.port} ${ends.to.port}\r\n`
}

function binaryHeader(command: number, family: number, body: readonly number[]): string {
  const head = [command, family, body.length >> 8, body.length & 255]
  return signature.toString('latin1') + Buffer.from([...head, ...body]).toString('latin1')
}
