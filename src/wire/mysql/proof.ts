// Proving to MySQL or MariaDB that a password is known: mysql_native_password, and
// caching_sha2_password with the key that a server gives out over a connection without TLS.

import { constants, createHash, publicEncrypt } from 'node:crypto'

const digest = (name: 'sha1' | 'sha256', ...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash(name)
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const xor = (one: Buffer, other: Buffer): Buffer =>
  Buffer.from(one.map((byte, at) => byte ^ (other[at % other.length] as number)))

/** What is answered to a salt; `undefined` for a plugin that is not spoken. */
export function proofOf(plugin: string, password: string, salt: Buffer): Buffer | undefined {
  if (plugin !== 'mysql_native_password' && plugin !== 'caching_sha2_password') return undefined
  if (password === '') return Buffer.alloc(0)
  const word = Buffer.from(password, 'utf8')
  if (plugin === 'mysql_native_password') {
    const once = digest('sha1', word)
    return xor(once, digest('sha1', salt, digest('sha1', once)))
  }
  const once = digest('sha256', word)
  return xor(once, digest('sha256', digest('sha256', once), salt))
}

/** The password itself, for the eyes of whoever has the private key alone. */
export function sealedPassword(password: string, salt: Buffer, key: string): Buffer {
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  return publicEncrypt({ key, padding }, xor(Buffer.from(`${password}\0`, 'utf8'), salt))
}
