// How are the servers of a service spoken to under TLS (configuration manual, section 5.2: `ssl`)?

import type { Ledger } from './ledger.ts'
import type { ProxySection, Server } from './model.ts'
import type { ServiceTree } from './tree.ts'

/** Why a server cannot stand beside the first one of its backend, or not under TLS at all. */
export function serverTlsObstacle(
  { servers }: ProxySection,
  { options }: Server,
): string | undefined {
  const { tls, sendProxy, isHttp2 } = options
  const first = servers[0]?.options.tls
  if (tls.isOn !== first?.isOn) return 'TLS holds for all servers of a service, or for none'
  if (!tls.isOn) return undefined
  if (JSON.stringify(tls) !== JSON.stringify(first)) {
    return 'it is verified in another way than the first server of its backend'
  }
  if (sendProxy !== undefined) return 'a PROXY header is not sent under TLS'
  return isHttp2 ? 'HTTP/2 is not spoken to servers under TLS' : undefined
}

/** The `tls` of a service with these servers; nothing if they are spoken to as they are. */
export function serverTlsTree(
  servers: readonly Server[],
  caBase: string | undefined,
  ledger: Ledger,
): Pick<ServiceTree, 'tls'> {
  const tls = servers[0]?.options.tls
  if (tls === undefined || !tls.isOn) return {}
  const { verify, ca, name } = tls
  if (verify && name === undefined) {
    for (const { line } of servers) {
      ledger.carry(line, 'the certificate must also bear the name of the server')
    }
  }
  const file =
    ca === undefined || ca.startsWith('/') || caBase === undefined ? ca : `${caBase}/${ca}`
  const tree = {
    ...(verify ? {} : { verify }),
    ...(verify && file !== undefined ? { ca: file } : {}),
    ...(name === undefined ? {} : { server_name: name }),
  }
  return { tls: Object.keys(tree).length === 0 ? true : tree }
}
