// What does a health check come to, once its short form is written out and its defaults are in?

import { type Milliseconds, ms } from '../foundation/time.ts'
import type { Check, CheckTiming } from '../health/model.ts'
import { defaults, fastCheck } from './defaults.ts'
import type { RawCheck } from './schema.ts'
import type { Loose, Site } from './site.ts'
import type { Path } from './tree.ts'
import { type Reading, readDuration, readSize, readStatuses } from './values.ts'

/** The value of a text that was checked before; a default, or a stand-in for what was faulty. */
const valueOr = <T>(reading: Reading<T>, otherwise: T): T =>
  reading.ok ? reading.value : otherwise

export const durationOf = (text: string | undefined, otherwise: string): Milliseconds =>
  valueOr(readDuration(text ?? otherwise), ms(0))

export const sizeOf = (text: string | undefined, otherwise: string): number =>
  valueOr(readSize(text ?? otherwise), 0)

type RawTiming = Loose<{ every: string; fast: string; timeout: string; fall: number; rise: number }>

/** The check as the health room wants it. */
export function settleCheck(raw: Loose<RawCheck> | undefined, path: Path, site: Site): Check {
  if (raw === undefined || raw === 'tcp') return { kind: 'tcp', ...settleTiming({}, path, site) }
  if (raw === 'none') return { kind: 'none' }
  const long = typeof raw === 'string' ? { http: raw } : raw
  const timing = settleTiming(long, path, site)
  if (!('http' in long)) return { kind: 'tcp', ...timing }
  return {
    kind: 'http',
    method: ('method' in long ? long.method : undefined) ?? defaults.check.method,
    path: long.http ?? '/',
    host: 'host' in long ? long.host : undefined,
    expect: settleStatuses('expect' in long ? long.expect : undefined),
    ...timing,
  }
}

function settleTiming(raw: RawTiming, path: Path, site: Site): CheckTiming {
  const every = durationOf(raw.every, defaults.check.every)
  const standard = ms(Math.min(every, Math.max(fastCheck.leastMs, every / fastCheck.share)))
  const fast = raw.fast === undefined ? standard : durationOf(raw.fast, raw.fast)
  if (fast > every) {
    site.fault(
      [...path, 'fast'],
      `\`fast\` is longer than \`every\`; found \`${site.shown([...path, 'fast'])}\``,
      'a doubtful server is asked more often than others: make `fast` the shorter one',
    )
  }
  return {
    every,
    fast,
    timeout: durationOf(raw.timeout, defaults.check.timeout),
    fall: raw.fall ?? defaults.check.fall,
    rise: raw.rise ?? defaults.check.rise,
  }
}

type RawStatuses = number | string | readonly (number | string | undefined)[]

function settleStatuses(
  raw: RawStatuses | undefined,
): readonly (readonly [least: number, most: number])[] {
  const parts = raw === undefined ? [defaults.check.expect] : Array.isArray(raw) ? raw : [raw]
  return parts.flatMap((part: number | string | undefined) => {
    if (part === undefined) return []
    return valueOr(readStatuses(String(part)), [])
  })
}
