// What does MySQL keep of a password of `caching_sha2_password`? Pure: SHA-256 crypt (U. Drepper,
// "Unix crypt using SHA-256 and SHA-512") with a salt of 20 letters, behind `$A$` and the rounds.

import { hash, timingSafeEqual } from 'node:crypto'

const letters = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** In which order the bytes of the digest are written, three at a time; two are left over. */
const order: readonly (readonly [number, number, number])[] = [
  ...([
    [0, 10, 20],
    [21, 1, 11],
    [12, 22, 2],
    [3, 13, 23],
    [24, 4, 14],
  ] as const),
  ...([
    [15, 25, 5],
    [6, 16, 26],
    [27, 7, 17],
    [18, 28, 8],
    [9, 19, 29],
  ] as const),
]

const sha = (...parts: readonly Buffer[]): Buffer => hash('sha256', Buffer.concat(parts), 'buffer')

const repeated = (bytes: Buffer, length: number): Buffer =>
  Buffer.alloc(length, bytes.length === 0 ? 0 : bytes)

function written(digest: Buffer): string {
  const at = (index: number): number => digest[index] ?? 0
  const put = (bits: number, count: number): string =>
    Array.from({ length: count }, (_, each) => letters[(bits >> (6 * each)) & 63]).join('')
  const most = order.map(([a, b, c]) => put((at(a) << 16) | (at(b) << 8) | at(c), 4))
  return `${most.join('')}${put((at(31) << 8) | at(30), 3)}`
}

/** The last part of what SHA-256 crypt makes of a password. */
export function sha256Crypt(password: string, salt: Buffer, rounds: number): string {
  const word = Buffer.from(password, 'utf8')
  const other = sha(word, salt, word)
  const parts = [word, salt, repeated(other, word.length)]
  for (let left = word.length; left > 0; left >>= 1) parts.push((left & 1) === 1 ? other : word)
  let digest = sha(...parts)
  const words = repeated(sha(...Array.from({ length: word.length }, () => word)), word.length)
  const times = 16 + (digest[0] ?? 0)
  const salts = repeated(sha(...Array.from({ length: times }, () => salt)), salt.length)
  for (let round = 0; round < rounds; round += 1) {
    const isOdd = (round & 1) === 1
    digest = sha(
      ...[isOdd ? words : digest, ...(round % 3 === 0 ? [] : [salts])],
      ...[...(round % 7 === 0 ? [] : [words]), isOdd ? digest : words],
    )
  }
  return written(digest)
}

const saltBytes = 20
/** Rounds are told in thousands, in three hexadecimal digits. */
const thousand = 1000
const usual = 5
const form = /^\$A\$([0-9A-Fa-f]{3})\$([\s\S]{20})([./0-9A-Za-z]{43})$/

/** What a server keeps; `random` are 20 bytes that nobody could guess. */
export function sha2Verifier(password: string, random: Buffer): string {
  // A salt of letters alone stands in a statement as it is.
  const salt = [...random.subarray(0, saltBytes)].map((byte) => letters[byte & 63]).join('')
  const crypt = sha256Crypt(password, Buffer.from(salt, 'latin1'), usual * thousand)
  return `$A$${usual.toString(16).padStart(3, '0')}$${salt}${crypt}`
}

/** Whether that is of this password. */
export function isSha2Of(verifier: string, password: string): boolean {
  const [, rounds = '', salt = '', kept = ''] = form.exec(verifier) ?? []
  if (kept === '') return false
  const bytes = Buffer.from(salt, 'latin1')
  const made = sha256Crypt(password, bytes, Number.parseInt(rounds, 16) * thousand)
  return timingSafeEqual(Buffer.from(made), Buffer.from(kept))
}
