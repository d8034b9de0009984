// Another input from those at hand: a few of the changes that parsers have stumbled over.

import type { Random } from '../../src/foundation/random.ts'

/** Longer inputs show nothing that shorter ones do not, and take their time. */
const bytesMost = 4096

const odd = [
  ...['\0', '\r', '\n', '\r\n', '\r\n\r\n', '\t', ' ', '\x0b', '\x7f', '\x80', '\xff'],
  ...[':', ';', ',', '"', "'", '\\', '/', '%', '#', '0', '-1', '+1', '0x1', '1e9', '\xc3\xa9'],
  ...['4294967296', '2147483648', '9007199254740993', '18446744073709551616'],
  ...['\x7f\xff\xff\xff', '\xff\xff\xff\xff', '\0\0\0\0', '\0\0\0\x01'],
] as const

const of = <Value>(values: readonly Value[], random: Random): Value =>
  values[Math.floor(random.next() * values.length)] as Value

/** A stretch of at most `most` bytes of a text that long. */
function stretch(length: number, most: number, random: Random): readonly [number, number] {
  const start = Math.floor(random.next() * (length + 1))
  return [start, Math.min(length, start + Math.floor(random.next() * most))]
}

type Change = (
  text: string,
  random: Random,
  corpus: readonly string[],
  words: readonly string[],
) => string

const changes: readonly Change[] = [
  // One byte becomes another.
  (text, random) => {
    const at = Math.floor(random.next() * text.length)
    const byte = String.fromCharCode(Math.floor(random.next() * 256))
    return text.slice(0, at) + byte + text.slice(at + 1)
  },
  // One bit is turned.
  (text, random) => {
    const at = Math.floor(random.next() * text.length)
    const turned = (text.charCodeAt(at) || 0) ^ (1 << Math.floor(random.next() * 8))
    return text.slice(0, at) + String.fromCharCode(turned & 255) + text.slice(at + 1)
  },
  // Something odd, or a word of the language, is put in or replaces what stands there.
  (text, random) => put(text, of(odd, random), random),
  (text, random, _, words) => put(text, of(words, random), random),
  (text, random, _, words) => put(text, of(words, random), random),
  // A stretch is left out, doubled, repeated many times, or taken elsewhere.
  (text, random) => {
    const [start, end] = stretch(text.length, 40, random)
    return text.slice(0, start) + text.slice(end)
  },
  (text, random) => {
    const [start, end] = stretch(text.length, 60, random)
    return text.slice(0, end) + text.slice(start)
  },
  (text, random) => {
    const [start, end] = stretch(text.length, 12, random)
    const times = Math.floor(random.next() * random.next() * 200)
    return text.slice(0, end) + text.slice(start, end).repeat(times) + text.slice(end)
  },
  (text, random) => {
    const [start, end] = stretch(text.length, 60, random)
    return put(text.slice(0, start) + text.slice(end), text.slice(start, end), random)
  },
  // The end is missing.
  (text, random) => text.slice(0, Math.floor(random.next() * text.length)),
  // Half of this, half of another.
  (text, random, corpus) => {
    const other = of(corpus, random)
    const at = Math.floor(random.next() * text.length)
    return text.slice(0, at) + other.slice(Math.floor(random.next() * other.length))
  },
]

function put(text: string, word: string, random: Random): string {
  const at = Math.floor(random.next() * (text.length + 1))
  const over = random.next() < 0.5 ? word.length : 0
  return text.slice(0, at) + word + text.slice(at + over)
}

/** A new input: one of the corpus, changed one to six times. Now and then one as it is. */
export function mutate(
  corpus: readonly string[],
  words: readonly string[],
  random: Random,
): string {
  let text = of(corpus, random)
  if (random.next() < 0.02) return text
  for (let left = 1 + Math.floor(random.next() * 6); left > 0; left -= 1) {
    text = of(changes, random)(text, random, corpus, words)
  }
  return text.slice(0, bytesMost)
}
