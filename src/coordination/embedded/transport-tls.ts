// The transport on node:net behind TLS: apart from the others, because whoever does without TLS
// need not load it.

import { createServer, type TlsOptions } from 'node:tls'
import type { Listen } from './transport.ts'
import { listenWith } from './transport-net.ts'

/** Listens with TLS; who may connect is up to the options. */
export const listenOnTls = (tls: TlsOptions): Listen =>
  listenWith((taken) => createServer(tls, taken))
