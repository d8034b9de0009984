// The certificates and keys that this edge was entrusted with, ready for handshakes.

import type { SecureContext } from 'node:tls'
import type { EdgeSecrets, KeyPair, TicketKey, TlsVersion } from '../../../model.ts'
import { answerTickets, type TicketContext } from './tickets.ts'

/** Forward secret and authenticated, and nothing else; the client's order counts (RFC 9325 4.2). */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/** Equal in all edges, or a session could not be taken up by another one. */
const sessionContext = 'alwayson'

const none: EdgeSecrets = { certificates: [], tickets: [] }

/** Makes a context once for each certificate and version that is asked for. */
export class Contexts {
  #secrets = none
  readonly #made = new Map<string, SecureContext>()

  /** Uses these from now on; connections that stand are not touched. */
  entrust(secrets: EdgeSecrets): void {
    const before = this.#secrets
    this.#secrets = secrets
    for (const [key] of this.#made) {
      const id = key.slice(0, key.indexOf(' '))
      const pair = secrets.certificates.find((each) => each.id === id)
      const old = before.certificates.find((each) => each.id === id)
      if (pair?.certificate !== old?.certificate || pair?.key !== old?.key) this.#made.delete(key)
    }
  }

  /** `undefined` for a certificate that this edge has not been given. */
  find(id: string, oldest: TlsVersion): SecureContext | undefined {
    const key = `${id} ${oldest}`
    const made = this.#made.get(key)
    if (made !== undefined) return made
    const pair = this.#secrets.certificates.find((each) => each.id === id)
    if (pair === undefined) return undefined
    const context = makeContext(pair, oldest, () => this.#secrets.tickets)
    this.#made.set(key, context)
    return context
  }
}

function makeContext(
  { certificate, key }: KeyPair,
  oldest: TlsVersion,
  tickets: () => readonly TicketKey[],
): SecureContext {
  // Loaded when the first certificate comes: most edges start faster without.
  const { createSecureContext } = process.getBuiltinModule('node:tls')
  const { constants } = process.getBuiltinModule('node:crypto')
  const context = createSecureContext({
    cert: certificate,
    key,
    minVersion: oldest,
    ciphers,
    honorCipherOrder: false,
    sessionIdContext: sessionContext,
    sessionTimeout: ticketSeconds,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
  })
  answerTickets(context.context as TicketContext, tickets)
  return context
}

/** A session can be taken up again for so long, if its ticket's key is still known. */
const ticketSeconds = 8 * 3600
