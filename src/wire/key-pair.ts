// What does a certificate say, and does a key belong to it? Reads PEM (RFC 7468), touches no file.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'

/** What a certificate says of itself. Times are milliseconds since 1970. */
export interface CertificateFacts {
  /** The names it is good for, in lower case; addresses as they are written. */
  readonly names: readonly string[]
  /** Who vouches for it, as people say it: `Let's Encrypt, R11`. */
  readonly issuer: string
  readonly selfSigned: boolean
  readonly from: number
  readonly until: number
  /** SHA-256 of the certificate, in lower-case hexadecimal digits. */
  readonly fingerprint: string
}

/** A certificate with its key, or which of the two is wrong and why. */
export type ReadPair =
  | { readonly kind: 'pair'; readonly facts: CertificateFacts }
  | { readonly kind: 'wrong'; readonly part: 'certificate' | 'key'; readonly why: string }

const block = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g

/** The blocks of one kind in a PEM text, in order. */
const blocks = (pem: string, kind: RegExp): readonly string[] =>
  [...pem.matchAll(block)].flatMap(([text, name]) => (kind.test(name ?? '') ? [text] : []))

/** The certificates of a PEM text: the server's own, then those that lead to its issuer. */
export const certificatesIn = (pem: string): string =>
  blocks(pem, /^(X509 |TRUSTED )?CERTIFICATE$/)
    .map((text) => `${text}\n`)
    .join('')

/** The first private key of a PEM text; `''` if there is none. */
export const keyIn = (pem: string): string => blocks(pem, /PRIVATE KEY$/)[0] ?? ''

/** Reads a certificate and its key out of two texts, which may be the same one. */
export function readPair(certificatePem: string, keyPem: string): ReadPair {
  const chain = blocks(certificatePem, /CERTIFICATE$/)
  const [own] = chain
  if (own === undefined) return wrong('certificate', 'it holds no `BEGIN CERTIFICATE`')
  const text = keyIn(keyPem)
  if (text === '') return wrong('key', 'it holds no `BEGIN PRIVATE KEY`')
  let certificate: X509Certificate
  try {
    for (const each of chain) new X509Certificate(each)
    certificate = new X509Certificate(own)
  } catch (thrown) {
    return wrong('certificate', `it cannot be read (${reasonOf(thrown)})`)
  }
  const key = readKey(text)
  if (typeof key === 'string') return wrong('key', key)
  if (!certificate.checkPrivateKey(key)) {
    return wrong('key', 'it belongs to another certificate than the first one of the chain')
  }
  return { kind: 'pair', facts: factsOf(certificate) }
}

const wrong = (part: 'certificate' | 'key', why: string): ReadPair => ({ kind: 'wrong', part, why })

function readKey(pem: string): KeyObject | string {
  const isEncrypted = /BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(pem)
  if (isEncrypted) return 'it is encrypted with a passphrase, and nobody is there to type it'
  try {
    return createPrivateKey(pem)
  } catch (thrown) {
    return `it cannot be read (${reasonOf(thrown)})`
  }
}

const reasonOf = (thrown: unknown): string =>
  String((thrown as { reason?: unknown }).reason ?? (thrown as Error).message)

/** What a certificate that has been read says. */
export function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    names: namesOf(certificate),
    issuer: personal(certificate.issuer),
    selfSigned: certificate.issuer === certificate.subject,
    from: certificate.validFromDate.getTime(),
    until: certificate.validToDate.getTime(),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}

/** The subject's alternative names (RFC 6125 6.4.4); the common name only where there are none. */
function namesOf({ subjectAltName, subject }: X509Certificate): readonly string[] {
  const names = [...(subjectAltName ?? '').matchAll(/(?:DNS|IP Address):("[^"]*"|[^,]+)/g)]
    .map(([, name = '']) => name.trim().toLowerCase())
    .filter((name) => !name.startsWith('"'))
  if (names.length > 0) return names
  const common = /^CN=(.+)$/m.exec(subject)?.[1]
  return common === undefined ? [] : [common.toLowerCase()]
}

/** `O=Let's Encrypt\nCN=R11` as `Let's Encrypt, R11`. */
function personal(distinguished: string): string {
  const parts = ['O', 'CN'].flatMap(
    (key) => new RegExp(`^${key}=(.+)$`, 'm').exec(distinguished)?.[1] ?? [],
  )
  return [...new Set(parts)].join(', ') || distinguished.replaceAll('\n', ', ')
}
