// Does this request go to the canary? The same client always does, or the same cookie. Pure.

import { hash32 } from '../policies/hash.ts'
import { cookieOf } from '../policies/hash-key.ts'
import type { Asked } from './asked.ts'
import type { Canary } from './model.ts'

/** Points of the scale: a share of 0.01 % is the finest. */
export const points = 10_000

/** What was decided; `tell` is the point that the client has to be told by the cookie. */
export interface CanaryChoice {
  readonly chosen: boolean
  readonly tell: number | undefined
}

/**
 * `chance` (0 to 1) places a client that has no cookie yet. A client is chosen when its point lies
 * below the share, so whoever is chosen at 5 % is also chosen at 10 %.
 */
export function chooseCanary(canary: Canary, asked: Asked, chance: number): CanaryChoice {
  const { field, cookie, share, pool } = canary
  if (field !== undefined && asked.field(field.name) === field.value) {
    return { chosen: true, tell: undefined }
  }
  const limit = Math.round(share * points)
  if (cookie === undefined) {
    const point = hash32(`${pool} ${asked.source}`) % points
    return { chosen: point < limit, tell: undefined }
  }
  const said = cookieOf(asked.field('cookie'), cookie) ?? ''
  if (/^\d{1,4}$/.test(said)) return { chosen: Number(said) < limit, tell: undefined }
  const point = Math.min(points - 1, Math.floor(chance * points))
  return { chosen: point < limit, tell: point }
}

/** The line that tells a client its point; for a year, or until it forgets. */
export const canaryLine = (cookie: string, point: number, secure: boolean): string =>
  `Set-Cookie: ${cookie}=${point}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax` +
  `${secure ? '; Secure' : ''}\r\n`
