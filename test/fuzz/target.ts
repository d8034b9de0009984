// What is fuzzed: a parser, what it is fed with, and what it promises.

import type { Random } from '../../src/foundation/random.ts'

/** One parser under test. Texts are latin1: one character a byte. */
export interface Target {
  readonly name: string
  /** Inputs that are right, or nearly: everything else is made from them. */
  readonly seeds: readonly string[]
  /** Words of its language, to be put where they do not belong. */
  readonly words: readonly string[]
  /** Inputs it gets for each one of the cheapest parsers', when all are fuzzed together. */
  readonly share: number
  /**
   * Parses the input; throws an Error that says which promise was broken. Returns what it came to
   * in a word or two: an input that comes to something new is kept, and more are made from it.
   */
  check(input: Buffer, random: Random): string
}

/** A promise was broken. */
export class Broken extends Error {}

/** Throws unless `holds`. */
export function promise(holds: boolean, what: string): void {
  if (!holds) throw new Broken(what)
}

/** Throws unless both are the same in every part. */
export function same(one: unknown, other: unknown, what: string): void {
  const [a, b] = [one, other].map((value) => JSON.stringify(value, plain))
  if (a !== b) throw new Broken(`${what}: ${a?.slice(0, 300)} is not ${b?.slice(0, 300)}`)
}

const plain = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? `${value}n` : value

/** Rising places to cut at, from none up to three, between the ends of `length` bytes. */
export function cuts(length: number, random: Random): readonly number[] {
  const count = Math.floor(random.next() * 4)
  const places = Array.from({ length: count }, () => Math.floor(random.next() * (length + 1)))
  return places.sort((a, b) => a - b)
}

/** The input in the pieces that these cuts make. */
export function pieces(input: Buffer, places: readonly number[]): readonly Buffer[] {
  const ends = [...places, input.length]
  return ends.map((end, index) => input.subarray(index === 0 ? 0 : ends[index - 1], end))
}
