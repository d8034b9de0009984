// How secrets travel between machines: sealed with the secret of the cluster, so that who can read
// the disk of the coordinator cannot read them.

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { Fault } from '../foundation/fault.ts'

/** Seals texts for those who know the secret. */
export interface Seal {
  seal(text: string): string
  /** Throws a Fault `corrupt` for what was sealed with another secret, or changed since. */
  open(sealed: string): string
}

const ivBytes = 12
const tagBytes = 16

/** What is sealed: each has a key of its own. */
export type Sealed = 'values of the file' | 'certificates'

/** A seal made of the cluster's secret (HKDF-SHA-256, RFC 5869; AES-256-GCM, NIST SP 800-38D). */
export function sealOf(secret: string, what: Sealed): Seal {
  const key = Buffer.from(hkdfSync('sha256', secret, '', `alwayson: ${what}`, 32))
  return {
    seal(text) {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', key, iv)
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64')
    },
    open(sealed) {
      const bytes = Buffer.from(sealed, 'base64')
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivBytes))
        decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes))
        const body = bytes.subarray(ivBytes + tagBytes)
        return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')
      } catch (cause) {
        throw new Fault('corrupt', `one of the sealed ${what} cannot be opened`, {
          cause,
          remedy: 'has this machine the keys of this cluster? alwayson init makes them',
        })
      }
    },
  }
}

/** Seals each value of a record. */
export const sealAll = (
  seal: Seal,
  values: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, seal.seal(value)]))

/** Opens each value of a record. */
export const openAll = (
  seal: Seal,
  values: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, seal.open(value)]))
