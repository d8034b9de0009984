// Is a server who it says it is, and with what does a connection to it begin?

import type { SecureContext } from 'node:tls'
import type { ServerTls } from '../../../../health/model.ts'
import type { MachineKeyPair } from '../../../model.ts'
import type { Trust } from '../transport/transport.ts'

/**
 * By the PEM text of an authority (`''` are those that the runtime knows) and of what is shown.
 */
const contexts = new Map<string, SecureContext>()
/** More different files than one edge will ever see. */
const contextsMost = 64

function contextFor(trust: string, pair?: MachineKeyPair): SecureContext {
  const key = pair === undefined ? trust : `${trust}${pair.cert}`
  const known = contexts.get(key)
  if (known !== undefined) return known
  const { createSecureContext } = process.getBuiltinModule('node:tls')
  const ca = trust === '' ? {} : { ca: trust }
  const own = pair === undefined ? {} : { cert: pair.cert, key: pair.key }
  const context = createSecureContext({ ...ca, ...own, minVersion: 'TLSv1.2' })
  if (contexts.size >= contextsMost) contexts.clear()
  contexts.set(key, context)
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

/** What a connection to a server of our cluster at `host` has to be secured by, both ways. */
export const trustAs = (machine: MachineKeyPair, host: string): Trust => ({
  context: contextFor(machine.ca, machine),
  serverName: isAddress(host) ? undefined : host,
  verify: host,
})
