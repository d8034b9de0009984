// Connects to a server under TLS: the engine stands before the socket is open, and begins then.

import { getSystemErrorName } from 'node:util'
import type { RawTransport } from './raw.ts'
import type { TcpHandle } from './raw-bindings.ts'
import { RawTlsConnection } from './raw-tls.ts'
import type { Connection, ConnectionOwner, Trust } from './transport.ts'

/** Puts an engine over `handle`, which begins once `opened` is called with how connecting went. */
export function dialSecure(
  transport: RawTransport,
  handle: TcpHandle,
  plain: Connection,
  owner: ConnectionOwner,
  { context, serverName, verify }: Trust,
): { readonly connection: Connection; readonly opened: (status: number) => void } {
  const security = {
    side: 'client',
    context,
    serverName,
    first: undefined,
    alpn: undefined,
  } as const
  const secured: RawTlsConnection = new RawTlsConnection(transport, handle, plain, security, {
    failed: (code) => owner.failed(code),
    secured: () => {
      const why = verify === undefined ? undefined : secured.distrust(verify)
      secured.owner = owner
      // Not from within the engine, which has just said that it is done.
      if (why !== undefined) process.nextTick(() => secured.broke(why))
      else owner.connected()
      return secured.owner
    },
  })
  const opened = (status: number): void => {
    if (status !== 0) return secured.broke(getSystemErrorName(status))
    handle.setNoDelay(true)
    secured.begin(undefined)
  }
  return { connection: secured, opened }
}
