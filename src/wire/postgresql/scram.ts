// Proving to a server that a password is known, without saying it: SCRAM-SHA-256 (RFC 5802, 7677).

import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto'

/** The mechanism's name, as servers offer it. */
export const scramMechanism = 'SCRAM-SHA-256'

/** The one that is bound to a TLS connection, and another of its length that nobody has. */
const bound = `${scramMechanism}-PLUS\0`
const unknown = 'X-BOUND-ELSEWHERE\0'.padStart(bound.length, 'X')

/** Takes from what a server offers, where it stands, what only works without anybody between. */
export function hideBinding(bytes: Buffer, start: number, end: number): void {
  const at = bytes.subarray(start, end).indexOf(bound, 0, 'latin1')
  if (at >= 0) bytes.write(unknown, start + at, 'latin1')
}

/** A server that asks for more rounds wants to keep us busy. */
const roundsMost = 1_000_000
const keptMost = 64

/**
 * What is derived from a password is kept: servers of one database have the same salt, and to
 * derive it for each of a thousand sessions that move at once would take seconds.
 */
const derived = new Map<string, Buffer>()

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** White space and what is mapped to nothing, as PostgreSQL's own `pg_saslprep` treats them. */
export const prepared = (password: string): string =>
  password
    .replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g, ' ')
    .replace(/\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u2060|\ufeff|[\ufe00-\ufe0f]/g, '')
    .normalize('NFKC')

function saltedPassword(password: string, salt: Buffer, rounds: number): Buffer {
  const name = createHash('sha256')
    .update(`${rounds} ${salt.toString('base64')} ${password}`)
    .digest('base64')
  const known = derived.get(name)
  if (known !== undefined) return known
  const salted = pbkdf2Sync(prepared(password), salt, rounds, 32, 'sha256')
  if (derived.size >= keptMost) derived.clear()
  derived.set(name, salted)
  return salted
}

/** One exchange; `nonce` is fresh and random, in printable characters without a comma. */
export class Scram {
  readonly #password: string
  readonly #nonce: string
  #signature: Buffer | undefined

  constructor(password: string, nonce: string) {
    this.#password = password
    this.#nonce = nonce
  }

  /** PostgreSQL takes the user from the startup message, and none here. */
  get #bare(): string {
    return `n=,r=${this.#nonce}`
  }

  first(): string {
    return `n,,${this.#bare}`
  }

  /** What is answered to the server's challenge; `undefined` if that is none. */
  final(challenge: string): string | undefined {
    const read = /^r=([!-+\--~]+),s=([A-Za-z0-9+/]+={0,2}),i=(\d{1,7})$/.exec(challenge)
    const [, nonce = '', salt = '', rounds = '0'] = read ?? []
    const count = Number(rounds)
    if (read === null || count < 1 || count > roundsMost) return undefined
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce) return undefined
    const salted = saltedPassword(this.#password, Buffer.from(salt, 'base64'), count)
    const clientKey = hmac(salted, 'Client Key')
    const stored = createHash('sha256').update(clientKey).digest()
    const bare = `c=biws,r=${nonce}`
    const all = `${this.#bare},${challenge},${bare}`
    const signature = hmac(stored, all)
    const proof = clientKey.map((byte, at) => byte ^ (signature[at] as number))
    this.#signature = hmac(hmac(salted, 'Server Key'), all)
    return `${bare},p=${Buffer.from(proof).toString('base64')}`
  }

  /** Whether the server knows the password too. */
  verify(last: string): boolean {
    const said = /^v=([A-Za-z0-9+/=]+)/.exec(last)?.[1]
    const expected = this.#signature
    if (said === undefined || expected === undefined) return false
    const signature = Buffer.from(said, 'base64')
    return signature.length === expected.length && timingSafeEqual(signature, expected)
  }
}
