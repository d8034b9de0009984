// What do single words of an HAProxy configuration mean: times, addresses, ranges of ports?

import { isIPv4, isIPv6 } from 'node:net'

const units: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Reads `5s`, `100ms`, `2000` (milliseconds) as milliseconds (manual, section 2.5). */
export function readTime(word: string | undefined): number | undefined {
  const match = /^(\d{1,12})(us|ms|s|m|h|d)?$/.exec(word ?? '')
  if (match === null) return undefined
  return Math.ceil(Number(match[1]) * (units[match[2] ?? 'ms'] ?? 1))
}

/** A length of time as our file writes it, exactly. */
export function timeText(milliseconds: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = units[unit] ?? 1
    if (milliseconds >= size && milliseconds % size === 0) return `${milliseconds / size}${unit}`
  }
  return `${milliseconds}ms`
}

/** Reads a whole number within bounds. */
export function readCount(
  word: string | undefined,
  least: number,
  most: number,
): number | undefined {
  if (!/^\d{1,9}$/.test(word ?? '')) return undefined
  const value = Number(word)
  return value >= least && value <= most ? value : undefined
}

/** A host and a port as HAProxy writes them; either may hold a reference to the environment. */
export interface Endpoint {
  readonly host: string
  readonly port: string | undefined
}

/** Reads `host:port`, `:port`, `*:port`, `[::1]:port`, `:::port`, `ipv4@…`; not sockets. */
export function readEndpoint(word: string): Endpoint | undefined {
  const plain = word.replace(/^(ipv4|ipv6|tcp|tcp4|tcp6)@/, '')
  if (/^(unix|abns|abnsz|fd|sockpair|udp|quic|rhttp|dgram|stream)[\w+]*@/.test(plain))
    return undefined
  if (plain.startsWith('/')) return undefined
  const reference = /\$\{[^}]*\}/g
  const hidden = plain.replaceAll(reference, (found) => found.replaceAll(':', '\u0001'))
  const at = hidden.lastIndexOf(':')
  const show = (text: string): string => text.replaceAll('\u0001', ':')
  if (at < 0 || hidden.endsWith(']'))
    return { host: show(hidden).replace(/^\[|\]$/g, ''), port: undefined }
  const port = show(hidden.slice(at + 1))
  const host = show(hidden.slice(0, at)).replace(/^\[(.*)\]$/, '$1')
  return { host, port: port === '' ? undefined : port }
}

/** An address as our file writes it. */
export function endpointText(host: string, port: string): string {
  return host.includes(':') && !host.includes('${') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether a word can be the host of a server in our file. */
export const isHost = (word: string): boolean =>
  word.includes('${') ||
  isIPv4(word) ||
  (word.includes(':') && isIPv6(word)) ||
  (/^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$/.test(word) && !/^[0-9.]+$/.test(word))

/** Whether a word can be a port in our file. */
export const isPort = (word: string): boolean =>
  word.includes('${') || (/^\d{1,5}$/.test(word) && Number(word) >= 1 && Number(word) <= 65_535)

/** Reads `80` and `80-82`; more than a hundred are refused. */
export function readPorts(word: string): readonly string[] | undefined {
  const range = /^(\d{1,5})-(\d{1,5})$/.exec(word)
  if (range === null) return isPort(word) ? [word] : undefined
  const [first, last] = [Number(range[1]), Number(range[2])]
  if (first < 1 || last > 65_535 || last < first || last - first >= 100) return undefined
  return Array.from({ length: last - first + 1 }, (_, index) => String(first + index))
}
