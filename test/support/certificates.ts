// Certificates for tests, made on the spot by openssl.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate and its key, in PEM. */
export interface MadePair {
  readonly certificate: string
  readonly key: string
}

/** What a made certificate is like. */
export interface Wish {
  readonly days?: number
  /** `openssl req` wants it so: `YYMMDDHHMMSSZ`. */
  readonly from?: string
  readonly until?: string
  readonly rsa?: boolean
}

/** A certificate for `names` that signs itself. */
export function makePair(names: readonly string[], wish: Wish = {}): MadePair {
  const folder = mkdtempSync(join(tmpdir(), 'aocert-'))
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const kind = wish.rsa
    ? ['-newkey', 'rsa:2048']
    : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
  const alternatives = names
    .map((name) => `${/^[\d.]+$/.test(name) ? 'IP' : 'DNS'}:${name}`)
    .join(',')
  try {
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-nodes', ...kind, '-keyout', key, '-out', cert],
        ...['-subj', `/CN=${names[0]}`, '-addext', `subjectAltName=${alternatives}`],
        ...['-days', String(wish.days ?? 30)],
      ],
      { stdio: 'pipe' },
    )
    return { certificate: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

let shared: MadePair | undefined

/** One for `shop.example`, `*.shop.example` and loopback, made once for a file of tests. */
export function sharedPair(): MadePair {
  shared ??= makePair(['shop.example', '*.shop.example', '127.0.0.1'])
  return shared
}
