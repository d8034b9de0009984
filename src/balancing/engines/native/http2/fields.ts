// How do fields go from one version of HTTP to the other (RFC 9113 section 8)? Pure.

import { type Fields, fieldOf } from './message-reader.ts'

/** What belongs to one connection of HTTP/1.1 (RFC 9113 8.2.2). */
const ofConnection = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** The fields of a message of HTTP/1.1 that HTTP/2 carries as well. */
export function carriedFields(fields: Fields, without: readonly string[] = []): string[] {
  const carried: string[] = []
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string
    if (ofConnection.has(name) || without.includes(name)) continue
    carried.push(name, fields[at + 1] as string)
  }
  return carried
}

/** A request of HTTP/2 as the head of one of HTTP/1.1, or the status that refuses it. */
export type RequestText =
  | {
      readonly kind: 'head'
      readonly text: string
      /** Its body has no stated length: it comes in chunks. */
      readonly chunked: boolean
      /** It asks for a tunnel of this protocol (RFC 8441). */
      readonly tunnel: string | undefined
    }
  | { readonly kind: 'refused'; readonly status: number; readonly why: string }

const refused = (status: number, why: string): RequestText => ({ kind: 'refused', status, why })

/** Bytes that would end a line, or a word, of HTTP/1.1 where HTTP/2 has none. */
const breaksLine = /[\r\n\0]/
const isWord = /^[!-~]+$/

/**
 * The head. `raw` are names and values as they came, pseudo-fields among them; `ended` when no
 * body follows. What HTTP/1.1 itself forbids is found when the text is parsed; here is refused what
 * could come to mean something else in it (RFC 9113 8.2.1, 8.3.1, 10.3).
 */
export function requestText(raw: Fields, ended: boolean, key: () => string): RequestText {
  const pseudo: Record<string, string> = {}
  const cookies: string[] = []
  let hosts = 0
  let host = ''
  let lines = ''
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string
    const value = raw[at + 1] as string
    if (breaksLine.test(value)) return refused(400, 'a field with a line break')
    if (name.startsWith(':')) {
      if (pseudo[name] !== undefined) return refused(400, 'a pseudo-field twice')
      pseudo[name] = value
    } else if (name === 'cookie') cookies.push(value)
    else if (name === 'host') {
      hosts += 1
      host = value
    } else if (ofConnection.has(name)) return refused(400, 'a field of HTTP/1.1 connections')
    else if (name === 'te' && value.toLowerCase() !== 'trailers') return refused(400, 'a TE')
    else lines += `${name}: ${value}\r\n`
  }
  const authority = pseudo[':authority'] ?? host
  if (hosts > 1 || (hosts === 1 && host !== authority)) return refused(400, 'two authorities')
  if (cookies.length > 0) lines += `cookie: ${cookies.join('; ')}\r\n`
  if (authority !== '') lines = `host: ${authority}\r\n${lines}`
  return withBody(pseudo, lines, ended, fieldOf(raw, 'content-length'), key)
}

function withBody(
  pseudo: Readonly<Record<string, string>>,
  lines: string,
  ended: boolean,
  length: string | undefined,
  key: () => string,
): RequestText {
  const { ':method': method = '', ':path': path = '', ':protocol': tunnel } = pseudo
  if (method === 'CONNECT') return connectText(path, tunnel, lines, key)
  if (tunnel !== undefined) return refused(400, 'a protocol without CONNECT')
  const isTarget = path.startsWith('/') || (path === '*' && method === 'OPTIONS')
  if (!isTarget || !isWord.test(path) || !isWord.test(method)) return refused(400, 'a bad target')
  if (ended && length !== undefined && Number(length) !== 0) return refused(400, 'no body')
  const chunked = !ended && length === undefined
  const coding = chunked ? 'transfer-encoding: chunked\r\n' : ''
  const text = `${method} ${path} HTTP/1.1\r\n${lines}${coding}\r\n`
  return { kind: 'head', text, chunked, tunnel: undefined }
}

/** RFC 8441: what is a CONNECT here is an upgrade there. */
function connectText(
  path: string,
  tunnel: string | undefined,
  lines: string,
  key: () => string,
): RequestText {
  if (tunnel !== 'websocket') return refused(501, 'a tunnel')
  if (!path.startsWith('/') || !isWord.test(path)) return refused(400, 'a bad target')
  const upgrade = `connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${key()}\r\n`
  const text = `GET ${path} HTTP/1.1\r\n${lines}${upgrade}\r\n`
  return { kind: 'head', text, chunked: false, tunnel }
}

/** Lines of a trailer section; pseudo-fields have no place there, and are never passed on. */
export function trailerLines(raw: Fields): string {
  let lines = ''
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string
    const value = raw[at + 1] as string
    if (!name.startsWith(':') && !breaksLine.test(value)) lines += `${name}: ${value}\r\n`
  }
  return lines
}
