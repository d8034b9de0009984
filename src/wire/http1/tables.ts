// Which bytes may stand where in an HTTP/1.1 message? One table a grammar rule, one byte an entry.

const fill = (allowed: (code: number) => boolean): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, code) => (allowed(code) ? 1 : 0))

const among = (characters: string): ((code: number) => boolean) => {
  const codes = new Set(Buffer.from(characters, 'latin1'))
  return (code) => codes.has(code)
}

const isAlphanumeric = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)

const isTokenMark = among("!#$%&'*+-.^_`|~")
const isHostMark = among("-._~!$&'()*+;=%:[]")

/** `tchar`: methods, field names (RFC 9110 5.6.2). */
export const token = fill((code) => isAlphanumeric(code) || isTokenMark(code))

/** What a field value may hold: visible characters, space, tab, obs-text (RFC 9110 5.5). */
export const fieldValue = fill((code) => code === 0x09 || (code >= 0x20 && code !== 0x7f))

/**
 * What a request target may hold: visible ASCII without `#`. More than RFC 3986 allows, because
 * browsers send `|`, `{` and `^` as they are; a fragment or a byte above 127 is read differently
 * by different servers and therefore refused.
 */
export const targetByte = fill((code) => code > 0x20 && code < 0x7f && code !== 0x23)

/** What a Host may hold (RFC 9110 7.2, RFC 3986 3.2.2), without the comma that would join two. */
export const hostByte = fill((code) => isAlphanumeric(code) || isHostMark(code))

/** The lower case of ASCII letters; every other byte is itself. */
export const lower = Uint8Array.from({ length: 256 }, (_, code) =>
  code >= 0x41 && code <= 0x5a ? code + 0x20 : code,
)

/** The value of a hexadecimal digit, 255 for any other byte. */
export const hexDigit = Uint8Array.from({ length: 256 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16)
  return Number.isNaN(value) ? 255 : value
})

/** Whether `bytes` from `start` to `end` spell `word`, which is lower case, in any case. */
export function spells(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (end - start !== word.length) return false
  for (let i = 0; i < word.length; i += 1) {
    if (lower[bytes[start + i] as number] !== word[i]) return false
  }
  return true
}

/** A word for `spells`. */
export const word = (text: string): Uint8Array => Buffer.from(text.toLowerCase(), 'latin1')
