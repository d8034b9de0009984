// What are servers of MariaDB and MySQL, and their programs, told of certificates? Pure: words of
// their manuals ("Replication with Secure Connections", "Using Encrypted Connections").

import type { TlsFiles } from '../../member-tls.ts'
import { literal } from './session.ts'

/** Of `CHANGE MASTER TO` or `CHANGE REPLICATION SOURCE TO`: how a replica secures its stream. */
export function secureWords(source: 'MASTER' | 'SOURCE', files: TlsFiles | undefined): string {
  if (files === undefined) return `${source}_SSL = 0`
  const { ca, cert, key } = files
  return [
    `${source}_SSL = 1, ${source}_SSL_VERIFY_SERVER_CERT = 1`,
    `${source}_SSL_CA = ${literal(ca)}, ${source}_SSL_CERT = ${literal(cert)}`,
    `${source}_SSL_KEY = ${literal(key)}`,
  ].join(', ')
}

/** Lines of a server's option file. Whether everybody has to speak TLS is not said here. */
export const serverLines = (files: TlsFiles | undefined): readonly (readonly [string, string])[] =>
  files === undefined
    ? []
    : [
        ...([
          ['ssl_ca', files.ca],
          ['ssl_cert', files.cert],
          ['ssl_key', files.key],
        ] as const),
        ['tls_version', 'TLSv1.2,TLSv1.3'],
      ]

/** Lines of a program's option file. */
export const clientLines = (files: TlsFiles | undefined): readonly string[] =>
  files === undefined
    ? []
    : [
        ...[`ssl-ca = "${files.ca}"`, `ssl-cert = "${files.cert}"`, `ssl-key = "${files.key}"`],
        'ssl-verify-server-cert',
      ]
