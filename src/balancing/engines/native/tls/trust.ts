// Is a server who it says it is, and with what does a connection to it begin?

import type { SecureContext } from 'node:tls'
import type { ServerTls } from '../../../../health/model.ts'
import type { Trust } from '../transport/transport.ts'

/** Authorities by their PEM text; `''` are those that the runtime knows. */
const contexts = new Map<string, SecureContext>()
/** More different files than one edge will ever see. */
const contextsMost = 64

function contextFor(trust: string): SecureContext {
  const known = contexts.get(trust)
  if (known !== undefined) return known
  const { createSecureContext } = process.getBuiltinModule('node:tls')
  const ca = trust === '' ? {} : { ca: trust }
  const context = createSecureContext({ ...ca, minVersion: 'TLSv1.2' })
  if (contexts.size >= contextsMost) contexts.clear()
  contexts.set(trust, context)
  return context
}

const isAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':')

/** What a connection to the server `host` has to be secured by. */
export function trustOf(tls: ServerTls, host: string): Trust {
  const name = tls.serverName ?? host
  return {
    context: contextFor(tls.trust ?? ''),
    // An address is no name that could be asked for (RFC 6066 3).
    serverName: isAddress(name) ? undefined : name,
    verify: tls.verify ? name : undefined,
  }
}
