// Whom does this machine hear, who hears whom as far as it was told, and how do the clocks differ?
// Beacons and times go in; pure.

import type { Beacon, Row } from './beacon.ts'

/** Without a beacon for so long, in milliseconds, a machine is not heard any more. */
export const silentAfter = 1600

/** What is older than this about who hears whom is not passed on. */
const rowsOlderThan = 10_000

/** So many lives of a machine are remembered after they were over. */
const livesRemembered = 16

interface Heard {
  readonly life: string
  readonly number: number
  /** When it was sent, by its sender's clock. */
  readonly sent: number
  /** When it came, by our wall clock and by our steady one. */
  readonly got: number
  readonly steady: number
}

/** One other machine as it is heard here. */
export interface Sighting {
  /** Milliseconds since its last beacon; undefined: never heard. */
  readonly age: number | undefined
  /** How far its wall clock is ahead of ours, in milliseconds, give or take `doubt`. */
  readonly skew: number | undefined
  readonly doubt: number | undefined
}

/** The knowledge of one machine; `steady` times never jump, `wall` times may. */
export class Ears {
  readonly #machine: string
  readonly #heard = new Map<string, Heard>()
  /** Lives that others have followed, of each machine. */
  readonly #past = new Map<string, readonly string[]>()
  readonly #skews = new Map<string, { readonly skew: number; readonly doubt: number }>()
  /** What others told: when they knew it, by our steady clock. */
  readonly #rows = new Map<string, { readonly known: number; readonly hears: readonly string[] }>()
  #number = 0

  constructor(machine: string) {
    this.#machine = machine
  }

  /** Takes in a beacon; one that is old, repeated or for somebody else is passed over. */
  hear(beacon: Beacon, wall: number, steady: number): void {
    const { from, to, life, number, at, echo, rows } = beacon
    if (to !== this.#machine || from === this.#machine) return
    const last = this.#heard.get(from)
    // Of one life numbers rise; another is believed unless it is one that is over.
    if (last?.life === life && number <= last.number) return
    if (last !== undefined && last.life !== life && !this.#succeeds(last, beacon, steady)) return
    this.#heard.set(from, { life, number, sent: at, got: wall, steady })
    if (echo !== undefined) this.#skews.set(from, skewOf(echo, at, wall))
    for (const [machine, row] of Object.entries(rows)) this.#learn(machine, row, steady)
  }

  /**
   * Whether a beacon of another life is of a later one: it was sent later, or, since clocks may
   * have been set back between the two, the life before has fallen silent. None comes back.
   */
  #succeeds(last: Heard, { from, life, at }: Beacon, steady: number): boolean {
    const past = this.#past.get(from) ?? []
    if (past.includes(life)) return false
    if (at <= last.sent && steady - last.steady < silentAfter) return false
    this.#past.set(from, [...past, last.life].slice(-livesRemembered))
    return true
  }

  /** The next beacon for a machine. */
  speak(to: string, life: string, wall: number, steady: number): Beacon {
    this.#number += 1
    const last = this.#heard.get(to)
    return {
      ...{ from: this.#machine, to, life, number: this.#number, at: wall },
      echo: last === undefined ? undefined : { sent: last.sent, got: last.got },
      rows: Object.fromEntries(this.rows(steady)),
    }
  }

  /** Who is heard here now. */
  hears(steady: number): readonly string[] {
    return [...this.#heard]
      .filter(([, { steady: came }]) => steady - came < silentAfter)
      .map(([machine]) => machine)
      .toSorted()
  }

  /** Who hears whom, as far as it is known and not too old. */
  rows(steady: number): ReadonlyMap<string, Row> {
    const rows = new Map<string, Row>([[this.#machine, { age: 0, hears: this.hears(steady) }]])
    for (const [machine, { known, hears }] of this.#rows) {
      const age = Math.round(steady - known)
      if (age < rowsOlderThan) rows.set(machine, { age, hears })
    }
    return rows
  }

  sighting(machine: string, steady: number): Sighting {
    const heard = this.#heard.get(machine)
    const { skew, doubt } = this.#skews.get(machine) ?? {}
    return { age: heard && steady - heard.steady, skew, doubt }
  }

  #learn(machine: string, { age, hears }: Row, steady: number): void {
    if (machine === this.#machine) return
    const known = steady - age
    if ((this.#rows.get(machine)?.known ?? Number.NEGATIVE_INFINITY) < known) {
      this.#rows.set(machine, { known, hears })
    }
  }
}

/**
 * How far the other clock is ahead, from one message each way (RFC 5905, section 8): its error is
 * at most half of what the two were under way.
 */
export function skewOf(
  echo: { readonly sent: number; readonly got: number },
  at: number,
  came: number,
): { readonly skew: number; readonly doubt: number } {
  const there = echo.got - echo.sent
  const back = at - came
  const underWay = came - echo.sent - (at - echo.got)
  return { skew: (there + back) / 2, doubt: Math.max(0, underWay / 2) }
}
