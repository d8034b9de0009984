// What does TLS to the servers of a service come to?

import { dirname, resolve as resolvePath } from 'node:path'
import type { ServerTls } from '../health/model.ts'
import { certificatesIn } from '../wire/key-pair.ts'
import { defaults } from './defaults.ts'
import type { RawService } from './schema.ts'
import { readPem } from './settle-tls.ts'
import type { Loose, Site } from './site.ts'
import type { Path } from './tree.ts'

/** The TLS of a service; nothing where its servers are spoken to as they are. */
export function settleServerTls(
  raw: Loose<RawService>,
  path: Path,
  site: Site,
): { readonly tls?: ServerTls } {
  if (raw.tls === undefined) return {}
  const refuse = (what: string): void =>
    site.fault([...path, 'tls'], `${what} under TLS`, 'leave one of the two out', { at: 'key' })
  if (raw.send_proxy !== undefined) refuse('a PROXY header is not sent')
  if (raw.protocol === 'http2') refuse('HTTP/2 is not spoken to servers')
  const check = typeof raw.check === 'object' ? raw.check : {}
  if ('grpc' in check) refuse('gRPC health is not asked')
  const long = raw.tls === true ? {} : raw.tls
  const at = [...path, 'tls', 'ca']
  const file = long.ca === undefined ? undefined : resolvePath(dirname(site.file), long.ca)
  const trust = file === undefined ? undefined : readPem(file, at, site)
  if (trust !== undefined && certificatesIn(trust) === '') {
    site.fault(at, `\`${site.shown(at)}\` holds no \`BEGIN CERTIFICATE\``)
  }
  return {
    tls: {
      verify: long.verify ?? defaults.serverTls.verify,
      trust: trust === undefined ? undefined : certificatesIn(trust),
      serverName: long.server_name,
    },
  }
}
