// Certificates for a test: an authority, and one that it signed for loopback. Made by openssl.

import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Why no certificates can be made here; `false` when they can. */
export function opensslMissing(): string | false {
  const found = spawnSync('openssl', ['version']).status === 0
  return found ? false : 'openssl is missing: apt-get install openssl'
}

/** Certificate and key in PEM, and the authority that signed. */
export interface Certificates {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** Makes them in a folder, which goes with the test. */
export function certificates(folder: string): Certificates {
  const path = (name: string): string => join(folder, name)
  const openssl = (...args: readonly string[]): void =>
    void execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  writeFileSync(path('san'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  openssl(
    ...['req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=test authority'],
    ...['-keyout', path('ca.key'), '-out', path('ca.pem')],
  )
  openssl(
    ...['req', ...newKey, '-subj', '/CN=localhost'],
    ...['-keyout', path('key.pem'), '-out', path('csr.pem')],
  )
  openssl(
    ...['x509', '-req', '-in', path('csr.pem'), '-days', '2', '-extfile', path('san')],
    ...['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial'],
    ...['-out', path('cert.pem')],
  )
  const read = (name: string): string => readFileSync(path(name), 'utf8')
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') }
}
