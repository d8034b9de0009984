// A certificate that nobody vouches for, to have something to show until an authority has answered.

import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** A certificate and its key, in PEM. */
export interface PemPair {
  readonly certificate: string
  readonly key: string
}

/** Tag, length, content (X.690 8.1). */
function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

const sequence = (...contents: readonly Uint8Array[]): Buffer => der(0x30, ...contents)
const oid = (...bytes: readonly number[]): Buffer => der(0x06, Buffer.of(...bytes))

// RFC 5280, RFC 5758: the names of what stands in the certificate.
const commonName = oid(0x55, 0x04, 0x03)
const alternativeNames = oid(0x55, 0x1d, 0x11)
const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))

/** UTCTime (RFC 5280 4.1.2.5.1): good until 2049. */
const utc = (at: number): Buffer =>
  der(
    0x17,
    Buffer.from(`${new Date(at).toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`, 'latin1'),
  )

const day = 24 * 3600 * 1000

/** A certificate for `names`, good from an hour before `now` for thirty days. */
export function makePlaceholder(names: readonly string[], now: number): PemPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const who = der(0x0c, Buffer.from('Always On placeholder'))
  const name = sequence(der(0x31, sequence(commonName, who)))
  const dnsNames = names.map((each) => der(0x82, Buffer.from(each, 'latin1')))
  const extension = sequence(alternativeNames, der(0x04, sequence(...dnsNames)))
  const body = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.of(1), randomBytes(15)),
    ecdsaWithSha256,
    name,
    sequence(utc(now - 3_600_000), utc(now + 30 * day)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension)),
  )
  const signature = sign('sha256', body, privateKey)
  const whole = sequence(body, ecdsaWithSha256, der(0x03, Buffer.of(0), signature))
  const lines = whole.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n')
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}
