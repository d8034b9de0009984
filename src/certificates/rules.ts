// How does a certificate stand, and when is a key for tickets turned? Pure.

import type { TicketKey } from '../balancing/model.ts'
import { ms } from '../foundation/time.ts'

const day = 24 * 3600 * 1000
const hour = 3600 * 1000

/** A person is warned of an end that is nearer than this. */
export const warnWithin = 14 * day

/** How the time of a certificate stands, the first that holds. */
export type Standing =
  | { readonly kind: 'expired'; readonly why: string }
  | { readonly kind: 'not-yet-valid'; readonly why: string }
  | { readonly kind: 'expires-soon'; readonly why: string }
  | { readonly kind: 'valid'; readonly why: string }

/** Judges the time of a certificate. */
export function standingOf(
  certificate: { readonly from: number; readonly until: number },
  now: number,
): Standing {
  const { from, until } = certificate
  if (now >= until) {
    return { kind: 'expired', why: `it ended ${inWords(now - until)} ago: clients refuse it` }
  }
  if (now < from) {
    const why = `it begins in ${inWords(from - now)}: clients refuse it until then`
    return { kind: 'not-yet-valid', why }
  }
  const left = `it ends in ${inWords(until - now)}`
  return until - now < warnWithin
    ? { kind: 'expires-soon', why: left }
    : { kind: 'valid', why: left }
}

/** A length of time for people: `3 days`, `1 hour`. */
export function inWords(length: number): string {
  const [count, unit] =
    length >= 2 * day ? [length / day, 'day'] : length >= hour ? [length / hour, 'hour'] : [0, '']
  if (unit === '') return 'less than an hour'
  const whole = Math.floor(count)
  return `${whole} ${unit}${whole === 1 ? '' : 's'}`
}

/** A key for tickets, and when it was made (milliseconds since 1970). */
export interface MadeTicketKey extends TicketKey {
  readonly made: number
}

/** A key seals for so long, and opens for as long again: who stole it has read two such spans. */
export const ticketKeyLife = 8 * hour

/** The keys to use from now on, the one that seals first; the same array while nothing is due. */
export function turnTicketKeys(
  keys: readonly MadeTicketKey[],
  now: number,
  make: () => string,
): readonly MadeTicketKey[] {
  const [newest] = keys
  const isDue = newest === undefined || now - newest.made >= ticketKeyLife || newest.made > now
  const kept = keys.filter(({ made }) => made <= now && now - made < 2 * ticketKeyLife)
  if (!isDue) return kept.length === keys.length ? keys : kept
  return [{ bytes: make(), made: now }, ...kept]
}

/**
 * Whether a certificate is to be renewed: after two thirds of its life, and up to a twentieth
 * earlier, by its fingerprint, so that those made together are not all renewed together.
 */
export function isDue(
  certificate: { readonly from: number; readonly until: number; readonly fingerprint: string },
  now: number,
): boolean {
  const { from, until, fingerprint } = certificate
  const early = Number.parseInt(fingerprint.slice(0, 8), 16) / 0xffffffff / 20
  return now >= from + (until - from) * (2 / 3 - early)
}

/** Between two tries: at most five in an hour, which authorities bear (Let’s Encrypt’s limit). */
export const nextTry = { first: ms(2 * 60_000), factor: 2, most: ms(6 * hour), jitter: 0.2 }

/** The last try to get a certificate, which failed. Times are milliseconds since 1970. */
export interface FailedTry {
  readonly at: number
  /** How many failed, one after the other; 0 once it was issued. */
  readonly failures: number
  readonly notBefore: number
  readonly why: string
}

/**
 * An agent that is started asks at once while fewer tries than this have failed in a row; after
 * more, once the last is so long ago. What makes it start again and again must not use up what an
 * authority bears, one in twelve minutes.
 */
const atOnceMost = 3
const atOnceAfter = 20 * 60_000

/**
 * Whether an authority may be asked: after the wait, or, within bounds, if the agent that asks has
 * begun to want it since: whoever has mended something starts it again.
 */
export function mayTry(failed: FailedTry | undefined, wanted: number, now: number): boolean {
  if (failed === undefined || now >= failed.notBefore) return true
  const isMeek = failed.failures < atOnceMost || now - failed.at >= atOnceAfter
  return failed.at < wanted && isMeek
}
