// What do machines tell each other directly, so that each knows whom it hears? A datagram, signed:
// who does not know the secret is not heard.

import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/** What one machine heard, and how old that knowledge is. */
export interface Row {
  /** Milliseconds since it was known, by the clocks of those who passed it on. */
  readonly age: number
  readonly hears: readonly string[]
}

/** One datagram. All times are of the sender's wall clock, in milliseconds. */
export interface Beacon {
  readonly from: string
  readonly to: string
  /** One life of the sender: its numbers begin anew with the next. */
  readonly life: string
  readonly number: number
  readonly at: number
  /** The last beacon of the receiver: when it was sent, by its clock, and got, by the sender's. */
  readonly echo: { readonly sent: number; readonly got: number } | undefined
  /** What the sender knows of who hears whom. */
  readonly rows: Readonly<Record<string, Row>>
}

/** The longest datagram that is sent or read: one that no network has to cut. */
export const bytesMost = 1400

const signatureBytes = 32

/** Signs and reads beacons with the cluster's secret. */
export interface BeaconCodec {
  format(beacon: Beacon): Buffer
  /** Undefined for what was not signed with the secret, or is no beacon. */
  parse(bytes: Uint8Array): Beacon | undefined
}

/** A codec for those who know the secret (HKDF-SHA-256, RFC 5869; HMAC-SHA-256, RFC 2104). */
export function beaconCodec(secret: string): BeaconCodec {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'alwayson: who hears whom', 32))
  const sign = (body: Uint8Array): Buffer => createHmac('sha256', key).update(body).digest()
  return {
    format(beacon) {
      const body = Buffer.from(JSON.stringify(beacon))
      return Buffer.concat([sign(body), body])
    },
    parse(bytes) {
      if (bytes.length <= signatureBytes || bytes.length > bytesMost) return undefined
      const body = bytes.subarray(signatureBytes)
      if (!timingSafeEqual(sign(body), bytes.subarray(0, signatureBytes))) return undefined
      return narrowed(JSON.parse(Buffer.from(body).toString('utf8')))
    },
  }
}

/** What is signed was written by us; by another version perhaps, which may know more or less. */
function narrowed(value: unknown): Beacon | undefined {
  const { from, to, life, number, at, echo, rows } = (value ?? {}) as Partial<Beacon>
  const texts = [from, to, life].every((text) => typeof text === 'string')
  const numbers = [number, at].every((one) => typeof one === 'number')
  if (!texts || !numbers || typeof rows !== 'object' || rows === null) return undefined
  return { ...(value as Beacon), echo: isEcho(echo) ? echo : undefined }
}

const isEcho = (echo: Beacon['echo']): boolean =>
  typeof echo?.sent === 'number' && typeof echo.got === 'number'
