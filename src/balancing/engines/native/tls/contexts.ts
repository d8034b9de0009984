// The certificates and keys that this edge was entrusted with, ready for handshakes.

import type { SecureContext } from 'node:tls'
import type { EdgeSecrets, KeyPair, TableFrontend, TicketKey, TlsVersion } from '../../../model.ts'
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

/** Makes a context once for each certificate and version that is asked for. */
export class Contexts {
  readonly #pairs = new Map<string, KeyPair>()
  readonly #made = new Map<string, SecureContext>()
  #tickets: readonly TicketKey[] = []
  readonly #challenges = new Map<string, KeyPair>()
  /** What an authority is answered over HTTP, by token; always the same map. */
  readonly answers = new Map<string, string>()
  #wanted: ReadonlySet<string> = new Set()

  /**
   * Uses these from now on, and what a table still refers to: between new secrets and the table
   * that names them, the old ones are shown. Connections that stand are not touched.
   */
  entrust({ certificates, tickets, challenges }: EdgeSecrets): void {
    this.#tickets = tickets
    this.answers.clear()
    this.#challenges.clear()
    for (const challenge of challenges) {
      if (challenge.kind === 'http-01') this.answers.set(challenge.token, challenge.answer)
      else this.#challenges.set(challenge.name, challenge.pair)
    }
    this.#wanted = new Set(certificates.map(({ id }) => id))
    for (const pair of certificates) this.#pairs.set(pair.id, pair)
  }

  /** For an authority that asks, in a handshake, whether a name is ours (RFC 8737 3). */
  findChallenge(name: string): SecureContext | undefined {
    const pair = this.#challenges.get(name)
    return pair && makeContext(pair, 'TLSv1.2', () => [])
  }

  /** Forgets what was entrusted before and no frontend refers to any more. */
  forget(frontends: readonly TableFrontend[]): void {
    const shown = frontends.flatMap(({ tls }) => tls?.certificates.map(({ id }) => id) ?? [])
    for (const id of this.#pairs.keys()) {
      if (this.#wanted.has(id) || shown.includes(id)) continue
      this.#pairs.delete(id)
      for (const key of this.#made.keys()) if (key.startsWith(`${id} `)) this.#made.delete(key)
    }
  }

  /** `undefined` for a certificate that this edge has not been given. */
  find(id: string, oldest: TlsVersion): SecureContext | undefined {
    const key = `${id} ${oldest}`
    const made = this.#made.get(key)
    if (made !== undefined) return made
    const pair = this.#pairs.get(id)
    if (pair === undefined) return undefined
    const context = makeContext(pair, oldest, () => this.#tickets)
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
