// Feeds one parser with inputs made from a seed, and makes the input that broke a promise small.

import { seededRandom } from '../../src/foundation/random.ts'
import { mutate } from './mutate.ts'
import type { Target } from './target.ts'

/** How a run is drawn, and who is told of each input before the parser gets it. */
export interface FuzzOptions {
  readonly seed: number
  readonly inputs: number
  readonly before?: (input: Buffer) => void
}

/** An input that broke a promise. */
export interface Failure {
  readonly target: string
  readonly seed: number
  /** The input as it was drawn, counted from 0. */
  readonly index: number
  readonly message: string
  /** As short as it could be made, in latin1. */
  readonly input: string
}

/** What a run came to. */
export interface FuzzOutcome {
  readonly inputs: number
  /** Different things that inputs came to. */
  readonly outcomes: number
  readonly failure: Failure | undefined
}

const corpusMost = 2000

/** Whether this input breaks a promise, and which; drawn alike each time. */
function broken(target: Target, text: string, seed: number, index: number): string | undefined {
  try {
    target.check(Buffer.from(text, 'latin1'), seededRandom(seed + index, target.name))
    return undefined
  } catch (thrown) {
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
  }
}

/** Runs one target; ends at the first broken promise. */
export function fuzz(target: Target, { seed, inputs, before }: FuzzOptions): FuzzOutcome {
  const random = seededRandom(seed, `fuzz ${target.name}`)
  const corpus = [...target.seeds]
  const outcomes = new Set<string>()
  for (let index = 0; index < inputs; index += 1) {
    const text =
      index < target.seeds.length
        ? (target.seeds[index] as string)
        : mutate(corpus, target.words, random)
    const input = Buffer.from(text, 'latin1')
    before?.(input)
    try {
      const outcome = target.check(input, seededRandom(seed + index, target.name))
      if (outcomes.has(outcome)) continue
      outcomes.add(outcome)
      if (corpus.length < corpusMost) corpus.push(text)
    } catch {
      const { short, message } = shrink(target, text, seed, index)
      const failure = { target: target.name, seed, index, message, input: short }
      return { inputs: index + 1, outcomes: outcomes.size, failure }
    }
  }
  return { inputs, outcomes: outcomes.size, failure: undefined }
}

/** Leaves out what is not needed for a promise to be broken. */
function shrink(
  target: Target,
  text: string,
  seed: number,
  index: number,
): { readonly short: string; readonly message: string } {
  let short = text
  let message = broken(target, text, seed, index) ?? 'broken only once'
  for (let size = Math.max(1, short.length >> 1); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < short.length; ) {
      const shorter = short.slice(0, at) + short.slice(at + size)
      const still = broken(target, shorter, seed, index)
      if (still === undefined) at += size
      else {
        short = shorter
        message = still
      }
    }
  }
  return { short, message }
}
