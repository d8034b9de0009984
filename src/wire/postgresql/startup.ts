// What does a client of PostgreSQL say first: who it is, that it wants encryption, or a cancel?
// The first message has no type: a length that counts itself, and a number (55.2.1, 55.7).

import { latin1 } from '../latin1.ts'

/** What stands at the beginning of a connection. */
export type Startup =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'bad'; readonly why: string }
  /** SSLRequest or GSSENCRequest: answered with one letter, and then it begins anew. */
  | { readonly kind: 'encrypt'; readonly by: 'tls' | 'gss'; readonly end: number }
  /** The process and its key, as they stood in BackendKeyData. */
  | { readonly kind: 'cancel'; readonly key: string; readonly end: number }
  | {
      readonly kind: 'session'
      readonly parameters: ReadonlyMap<string, string>
      readonly end: number
    }

/** PostgreSQL itself takes no longer one (MAX_STARTUP_PACKET_LENGTH). */
export const startupBytesMost = 10_000

const tlsRequest = 80877103
const gssRequest = 80877104
const cancelRequest = 80877102

/** Reads what a client says first, of the first `end` bytes. */
export function readStartup(bytes: Buffer, end: number): Startup {
  if (end < 4) return { kind: 'incomplete' }
  const length = bytes.readInt32BE(0)
  if (length < 8 || length > startupBytesMost)
    return { kind: 'bad', why: 'its length is no length' }
  if (end < 8) return { kind: 'incomplete' }
  const code = bytes.readInt32BE(4)
  if (code === tlsRequest || code === gssRequest) {
    if (length !== 8) return { kind: 'bad', why: 'a request for encryption says more' }
    return { kind: 'encrypt', by: code === tlsRequest ? 'tls' : 'gss', end: 8 }
  }
  if (code >>> 16 !== 3 && code !== cancelRequest) {
    return { kind: 'bad', why: 'it speaks no protocol that is known' }
  }
  if (end < length) return { kind: 'incomplete' }
  if (code === cancelRequest) {
    if (length < 16) return { kind: 'bad', why: 'a cancel request without a key' }
    return { kind: 'cancel', key: latin1(bytes, 8, length), end: length }
  }
  return sessionOf(bytes, length)
}

function sessionOf(bytes: Buffer, length: number): Startup {
  const parts = bytes.toString('utf8', 8, length).split('\0')
  // Pairs, then an empty name; what stands after the last zero is empty too.
  const areEnded = parts.length % 2 === 0 && parts.at(-1) === '' && parts.at(-2) === ''
  if (!areEnded) return { kind: 'bad', why: 'its parameters do not end' }
  const parameters = new Map<string, string>()
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const name = parts[at] as string
    if (name === '') break
    parameters.set(name, parts[at + 1] as string)
  }
  if (!parameters.has('user')) return { kind: 'bad', why: 'it names no user' }
  return { kind: 'session', parameters, end: length }
}

/** An SSLRequest. */
export function tlsMessage(): Buffer {
  const message = Buffer.alloc(8)
  message.writeInt32BE(8, 0)
  message.writeInt32BE(tlsRequest, 4)
  return message
}

/** A CancelRequest for the session with this key. */
export function cancelMessage(key: string): Buffer {
  const message = Buffer.alloc(8 + key.length)
  message.writeInt32BE(message.length, 0)
  message.writeInt32BE(cancelRequest, 4)
  message.write(key, 8, 'latin1')
  return message
}
