// Messages as clients and attackers send them, drawn from a seed.

import type { Random } from '../../../src/foundation/random.ts'
import {
  codings,
  goodFields,
  goodMethods,
  goodTargets,
  lengths,
  oddBytes,
  oddFields,
  oddMethods,
  oddStatusLines,
  oddTargets,
  statusLines,
} from './vocabulary.ts'

/** What is sent over one connection, in pieces, and what the server answers. */
export interface Message {
  /** One character a byte. */
  readonly bytes: string
  /** Where it is cut, rising. */
  readonly cuts: readonly number[]
  /** What the server answers with, where it is not simply well, and whether it ends. */
  readonly answer: { readonly bytes: string; readonly ends: boolean } | undefined
}

const of = <Value>(values: readonly Value[], random: Random): Value =>
  values[Math.floor(random.next() * values.length)] as Value

const chance = (random: Random, share: number): boolean => random.next() < share

const smuggled = (random: Random): string =>
  of(
    ['GET /smuggled HTTP/1.1\r\nHost: a\r\nX: ', 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'],
    random,
  )

const bodyOf = (random: Random): string => {
  if (chance(random, 0.15)) return smuggled(random)
  return 'body of a request, '.repeat(3).slice(0, Math.floor(random.next() * 50))
}

function chunkLine(size: number, random: Random, hostile: number): string {
  const hex = chance(random, 0.5) ? size.toString(16) : size.toString(16).toUpperCase()
  if (!chance(random, hostile)) return `${hex}\r\n`
  const odd = of(
    [
      ...[
        `0x${hex}`,
        `+${hex}`,
        `-${hex}`,
        ` ${hex}`,
        `${hex} `,
        `${hex}\t`,
        `0${hex}`,
        `000000${hex}`,
      ],
      ...[
        `${hex};a`,
        `${hex};a=b`,
        `${hex} ;a`,
        `${hex};a="\r\n"`,
        `${hex};\0`,
        `${hex};a\n`,
        `${hex};\r`,
      ],
      ...[
        `${hex}g`,
        '',
        'g',
        `${hex},`,
        `${hex}\x0b`,
        'ffffffffffffffff',
        `10000000000000000${hex}`,
      ],
      ...[`${hex};${'x'.repeat(200)}`, `\r\n${hex}`, `${hex}\r`, `${hex};\xe9`],
    ],
    random,
  )
  return odd + of(['\r\n', '\r\n', '\n', '\r', '\r\r\n', ''], random)
}

function chunked(body: string, random: Random, hostile: number): string {
  let out = ''
  for (let at = 0; at < body.length; ) {
    const size = 1 + Math.floor(random.next() * (body.length - at))
    out += chunkLine(size, random, hostile) + body.slice(at, at + size)
    out += chance(random, hostile) ? of(['\n', '', '\r', 'X', '\r\n\r\n', ' \r\n'], random) : '\r\n'
    at += size
  }
  out += chance(random, hostile) ? chunkLine(0, random, 1) : '0\r\n'
  if (chance(random, 0.2)) {
    const trailers = [
      'X-T: 1',
      'Content-Length: 5',
      'Host: b',
      'X',
      ' X: 1',
      'X : 1',
      'X: 1\r\n 2',
      'X: a\0',
    ]
    out += `${of(chance(random, hostile) ? trailers : ['X-T: 1'], random)}\r\n`
  }
  return (
    out + (chance(random, hostile) ? of(['\n', '', '\r', '\r\n\r\n', 'X\r\n'], random) : '\r\n')
  )
}

interface Framed {
  readonly lines: readonly string[]
  readonly body: string
}

function framed(random: Random, hostile: number): Framed {
  const kind = random.next()
  if (kind < 0.35) return { lines: [], body: '' }
  const body = bodyOf(random)
  const length = String(body.length)
  if (!chance(random, hostile * 2)) {
    if (kind < 0.7) return { lines: [`Content-Length: ${length}`], body }
    return { lines: ['Transfer-Encoding: chunked'], body: chunked(body, random, 0) }
  }
  const coded = chance(random, 0.5) ? chunked(body, random, hostile) : body
  const lengthLine = (): string => `Content-Length: ${of(lengths, random).replaceAll('N', length)}`
  const codingLine = (): string => `Transfer-Encoding: ${of(codings, random)}`
  const lines = of<() => readonly string[]>(
    [
      () => [lengthLine()],
      () => [codingLine()],
      () => [`Content-Length: ${coded.length}`, 'Transfer-Encoding: chunked'],
      () => ['Transfer-Encoding: chunked', `Content-Length: ${length}`],
      () => [codingLine(), codingLine()],
      () => [`Content-Length: ${length}`, `Content-Length: ${length}`],
      () => [`Content-Length: ${length}`, lengthLine()],
      () => [codingLine(), `Content-Length: ${coded.length}`],
      () => [`Transfer-Encoding ${of([':', ' :', '\t:', '\0:', ';'], random)} chunked`],
      () => ['Transfer-Encoding: chunked'],
    ],
    random,
  )()
  return { lines, body: coded }
}

function shuffled(lines: readonly string[], random: Random): readonly string[] {
  const left = [...lines]
  return lines.map(() => left.splice(Math.floor(random.next() * left.length), 1)[0] as string)
}

function request(random: Random, hostile: number): string {
  const method = of(chance(random, hostile) ? oddMethods : goodMethods, random)
  const target = of(chance(random, hostile) ? oddTargets : goodTargets, random)
  const version = chance(random, hostile)
    ? of(
        ['HTTP/1.0', 'HTTP/1.1 ', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/01.1', 'HTTP/1.10', ''],
        random,
      )
    : chance(random, 0.06)
      ? 'HTTP/1.0'
      : 'HTTP/1.1'
  const space = (): string =>
    chance(random, hostile / 6) ? of(['  ', '\t', '\x0b', '\r'], random) : ' '
  const host = chance(random, hostile / 3)
    ? of(
        [
          [],
          ['Host: a', 'Host: b'],
          ['Host: a', 'Host: a'],
          ['Host: a b'],
          ['Host:'],
          ['Host: a,b'],
          ['Host: a@b'],
        ],
        random,
      )
    : ['Host: a']
  const fields = Array.from({ length: Math.floor(random.next() * 4) }, () =>
    of(chance(random, hostile) ? oddFields : goodFields, random),
  )
  const { lines, body } = framed(random, hostile)
  const head = [
    `${method}${space()}${target}${space()}${version}`,
    ...shuffled([...host, ...fields, ...lines], random),
  ]
  const ending = (): string =>
    chance(random, hostile / 8) ? of(['\n', '\r', '\r\r\n', '\n\r'], random) : '\r\n'
  return `${head.map((line) => line + ending()).join('')}${ending()}${body}`
}

function damaged(text: string, random: Random): string {
  const at = Math.floor(random.next() * (text.length + 1))
  switch (Math.floor(random.next() * 5)) {
    case 0:
      return text.slice(0, at) + of(oddBytes, random) + text.slice(at)
    case 1:
      return text.slice(0, at) + of(oddBytes, random) + text.slice(at + 1)
    case 2:
      return text.slice(0, at) + text.slice(at + 1 + Math.floor(random.next() * 6))
    case 3:
      return (
        text.slice(0, at) +
        String.fromCharCode(Math.floor(random.next() * 256)) +
        text.slice(at + 1)
      )
    default:
      return text.slice(0, at)
  }
}

function answer(random: Random, hostile: number): Message['answer'] {
  const status = of(chance(random, hostile / 2) ? oddStatusLines : statusLines, random)
  const { lines, body } = framed(random, hostile)
  const fields = Array.from({ length: Math.floor(random.next() * 3) }, () =>
    of(chance(random, hostile) ? oddFields : goodFields, random),
  )
  let bytes = `${[status, ...shuffled([...fields, ...lines], random)].join('\r\n')}\r\n\r\n${body}`
  if (chance(random, hostile / 2)) bytes = damaged(bytes, random)
  return { bytes, ends: chance(random, 0.4) || lines.length === 0 }
}

function cutsOf(length: number, random: Random): readonly number[] {
  if (chance(random, 0.7)) return []
  const count = 1 + Math.floor(random.next() * 3)
  return Array.from({ length: count }, () => Math.floor(random.next() * length)).sort(
    (a, b) => a - b,
  )
}

/** The next message: one in three is what a client should send, the others are not. */
export function drawMessage(random: Random): Message {
  if (chance(random, 0.15)) {
    const method = of(['GET', 'POST', 'PUT'], random)
    const bytes = `${method} /answer HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`
    return { bytes, cuts: [], answer: answer(random, of([0, 0.3, 0.6], random)) }
  }
  const hostile = of([0, 0.12, 0.35], random)
  const count = chance(random, 0.75) ? 1 : 2 + Math.floor(random.next() * 2)
  let bytes = Array.from({ length: count }, () => request(random, hostile)).join('')
  if (hostile > 0)
    for (let left = Math.floor(random.next() * 2.2); left > 0; left -= 1)
      bytes = damaged(bytes, random)
  return { bytes, cuts: cutsOf(bytes.length, random), answer: undefined }
}
