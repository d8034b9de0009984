// What a server keeps of a password, so that the password itself is never sent to it: RFC 5803.

import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto'

const iterations = 4096

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** `SCRAM-SHA-256$4096:salt$stored:server`, as PostgreSQL keeps it in pg_authid. */
export function scramVerifier(password: string, salt: Buffer, rounds = iterations): string {
  // SASLprep (RFC 4013) changes other letters than these only in rare scripts; PostgreSQL too takes
  // the bytes as they are where it cannot be applied.
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, rounds, 32, 'sha256')
  const stored = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64')
  const server = hmac(salted, 'Server Key').toString('base64')
  return `SCRAM-SHA-256$${rounds}:${salt.toString('base64')}$${stored}:${server}`
}

/** Whether a verifier is of this password. */
export function isOfPassword(verifier: string | undefined, password: string): boolean {
  const match = /^SCRAM-SHA-256\$(\d+):([^$]+)\$/.exec(verifier ?? '')
  if (verifier === undefined || match === null) return false
  const salt = Buffer.from(match[2] ?? '', 'base64')
  const made = Buffer.from(scramVerifier(password, salt, Number(match[1])))
  const kept = Buffer.from(verifier)
  return made.length === kept.length && timingSafeEqual(made, kept)
}
