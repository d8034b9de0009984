// Chance, handed in: production draws from the machine, a simulated life from its seed.

/** The port for chance. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
}

/** The machine's chance. */
export const openRandom = (): Random => ({ next: Math.random })

/**
 * A repeatable stream of numbers (sfc32 by Chris Doty-Humphrey, seeded through splitmix32). The
 * same seed gives the same stream on every machine. `stream` separates the streams of one seed,
 * so that one more draw in one subsystem does not reshuffle another's.
 */
export function seededRandom(seed: number, stream = ''): Random {
  let mix = seed >>> 0
  for (const character of stream) mix = Math.imul(mix ^ character.charCodeAt(0), 0x9e3779b1) >>> 0
  const splitmix = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0
    let z = mix
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }
  // Whole numbers of 32 bits in a typed array: nothing is allocated by a draw.
  const state = Int32Array.of(splitmix(), splitmix(), splitmix(), 1)
  const draw = (): number => {
    const a = state[0] as number
    const b = state[1] as number
    const c = state[2] as number
    const counter = state[3] as number
    const sum = (a + b + counter) | 0
    state[3] = counter + 1
    state[0] = b ^ (b >>> 9)
    state[1] = c + (c << 3)
    state[2] = ((c << 21) | (c >>> 11)) + sum
    return sum >>> 0
  }
  for (let warmUp = 0; warmUp < 12; warmUp += 1) draw()
  return { next: () => draw() / 0x1_0000_0000 }
}

/** A whole number from 0 up to, but without, `bound`. */
export const below = (random: Random, bound: number): number => Math.floor(random.next() * bound)

/** One of `choices`, all equally likely; `undefined` when there is none. */
export const pick = <T>(random: Random, choices: readonly T[]): T | undefined =>
  choices[below(random, choices.length)]
