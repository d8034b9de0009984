// Makes a cluster's authority and the certificates that it signs: X.509 v3 over P-256 (RFC 5280).

import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import { isIP } from 'node:net'
import {
  bits,
  boolean,
  explicit,
  identifier,
  implicit,
  integer,
  octets,
  sequence,
  set,
  text,
  time,
} from '../../wire/der.ts'

/** A certificate and its private key, in PEM. */
export interface Certified {
  readonly cert: string
  readonly key: string
}

/** Whom a certificate is for. */
export interface Subject {
  /** The common name. */
  readonly name: string
  /** The addresses and host names at which it is reached. */
  readonly hosts: readonly string[]
}

/** As long as a cluster may live without anybody who thinks of its certificates. */
const years = 10
/** The clock of another machine may be late. */
const earlierMs = 24 * 3_600_000

const ids = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectAltName: '2.5.29.17',
  subjectKeyIdentifier: '2.5.29.14',
  authorityKeyIdentifier: '2.5.29.35',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const

/** Makes an authority that nobody vouches for but itself. */
export function makeAuthority(name: string, now: Date): Certified {
  const pair = newPair()
  const extensions = [
    extension(ids.basicConstraints, true, sequence(boolean(true), integer(Buffer.from([0])))),
    // keyCertSign and cRLSign.
    extension(ids.keyUsage, true, bits(Buffer.from([0x06]), 1)),
    extension(ids.subjectKeyIdentifier, false, octets(keyIdentifier(pair.spki))),
  ]
  const cert = certificate({ name, issuer: name, spki: pair.spki, extensions, now }, pair.key)
  return { cert, key: pair.pem }
}

/** Makes a certificate that `authority` signs, good for both ends of a connection. */
export function issue(authority: Certified, { name, hosts }: Subject, now: Date): Certified {
  const pair = newPair()
  const issuer = new X509Certificate(authority.cert)
  const usage = sequence(identifier(ids.serverAuth), identifier(ids.clientAuth))
  const issuerSpki = issuer.publicKey.export({ type: 'spki', format: 'der' })
  const extensions = [
    extension(ids.basicConstraints, true, sequence()),
    // digitalSignature.
    extension(ids.keyUsage, true, bits(Buffer.from([0x80]), 7)),
    extension(ids.extendedKeyUsage, false, usage),
    extension(ids.subjectAltName, false, sequence(...[name, ...hosts].map(alternativeName))),
    extension(ids.subjectKeyIdentifier, false, octets(keyIdentifier(pair.spki))),
    extension(ids.authorityKeyIdentifier, false, sequence(implicit(0, keyIdentifier(issuerSpki)))),
  ]
  const issuerName = /^CN=(.*)$/m.exec(issuer.subject)?.[1] ?? ''
  const cert = certificate(
    { name, issuer: issuerName, spki: pair.spki, extensions, now },
    createPrivateKey(authority.key),
  )
  return { cert, key: pair.pem }
}

function newPair(): { readonly key: KeyObject; readonly spki: Buffer; readonly pem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    key: privateKey,
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    pem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  }
}

interface Body {
  readonly name: string
  readonly issuer: string
  readonly spki: Buffer
  readonly extensions: readonly Buffer[]
  readonly now: Date
}

/** TBSCertificate, signed (RFC 5280, 4.1). */
function certificate({ name, issuer, spki, extensions, now }: Body, signer: KeyObject): string {
  const algorithm = sequence(identifier(ids.ecdsaWithSha256))
  const until = new Date(now)
  until.setUTCFullYear(until.getUTCFullYear() + years)
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    // At most 20 bytes, and not negative (4.1.2.2).
    integer(Buffer.from([0x40, ...randomBytes(15)])),
    algorithm,
    distinguishedName(issuer),
    sequence(time(new Date(now.getTime() - earlierMs)), time(until)),
    distinguishedName(name),
    spki,
    explicit(3, sequence(...extensions)),
  )
  const signature = sign('sha256', body, { key: signer, dsaEncoding: 'der' })
  return pem(sequence(body, algorithm, bits(signature)))
}

const pem = (bytes: Buffer): string => {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

const distinguishedName = (name: string): Buffer =>
  sequence(set(sequence(identifier(ids.commonName), text(name))))

const extension = (id: string, isCritical: boolean, value: Buffer): Buffer =>
  sequence(identifier(id), ...(isCritical ? [boolean(true)] : []), octets(value))

/** SHA-1 over the bits of the key, behind its algorithm (4.2.1.2): of P-256, the last 65 bytes. */
const keyIdentifier = (spki: Buffer): Buffer =>
  createHash('sha1').update(spki.subarray(-65)).digest()

/** GeneralName: `iPAddress` [7] or `dNSName` [2] (4.2.1.6). */
const alternativeName = (host: string): Buffer =>
  isIP(host) === 0 ? implicit(2, Buffer.from(host)) : implicit(7, addressBytes(host))

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  // A URL's form of it is hexadecimal groups with at most one gap, whatever it was written as.
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [left = [], right = []] = groups
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':')))
  const gap = Array.from({ length: 8 - left.length - right.length }, () => '0')
  const all = [...left, ...gap, ...right].map((group) => Number.parseInt(group, 16))
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}
