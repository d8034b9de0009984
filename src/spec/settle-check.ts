// What does a health check come to, once its short form is written out and its defaults are in?

import { type Milliseconds, ms } from '../foundation/time.ts'
import type { AgentCheck, BodyCheck, Check, CheckTiming } from '../health/model.ts'
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

type RawTiming = Pick<LongCheck, 'every' | 'fast' | 'timeout' | 'fall' | 'rise' | 'port' | 'agent'>

/** The check as the health room wants it. */
export function settleCheck(raw: Loose<RawCheck> | undefined, path: Path, site: Site): Check {
  if (raw === undefined || raw === 'tcp') return { kind: 'tcp', ...settleTiming({}, path, site) }
  if (raw === 'none') return { kind: 'none' }
  const long: LongCheck = typeof raw === 'string' ? { http: raw } : raw
  const timing = settleTiming(long, path, site)
  if ('grpc' in long) {
    return { kind: 'grpc', service: long.grpc === true ? '' : (long.grpc ?? ''), ...timing }
  }
  if (!('http' in long)) return { kind: 'tcp', ...timing }
  const { method, http, host, expect, headers, body } = long as Loose<RawHttpCheck>
  return {
    kind: 'http',
    method: method ?? defaults.check.method,
    path: http ?? '/',
    host,
    expect: settleStatuses(expect),
    ...(headers === undefined ? {} : { headers: settleHeaders(headers, path, site) }),
    ...(body === undefined ? {} : { body: settleBody(body) }),
    ...timing,
  }
}

type LongCheck = Loose<Exclude<RawCheck, string>>
type RawHttpCheck = Extract<RawCheck, { http: unknown }>

const settleBody = (body: NonNullable<Loose<RawHttpCheck>['body']>): BodyCheck => ({
  contains: body.contains,
  lacks: body.lacks,
  matches: body.matches,
})

function settleHeaders(
  raw: Readonly<Record<string, string | number | boolean | undefined>>,
  path: Path,
  site: Site,
): Readonly<Record<string, string>> {
  const headers = Object.entries(raw).flatMap(([name, value]): readonly [string, string][] => {
    const text = String(value ?? '').trim()
    if (/^[\t -~]*$/.test(text)) return [[name, text]]
    site.fault(
      [...path, 'headers', name],
      'this value cannot be sent: it has control characters, or letters beyond ASCII',
    )
    return []
  })
  return Object.fromEntries(headers)
}

/** The agent of a check, its short form written out. */
function settleAgent(raw: RawTiming['agent']): AgentCheck | undefined {
  if (raw === undefined) return undefined
  const long = typeof raw === 'number' ? { port: raw } : raw
  return {
    host: long.host,
    port: long.port ?? 0,
    every: durationOf(long.every, defaults.agent.every),
    timeout: durationOf(long.timeout, defaults.agent.timeout),
    send: long.send ?? '',
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
    ...(raw.port === undefined ? {} : { port: raw.port }),
    ...(raw.agent === undefined ? {} : { agent: settleAgent(raw.agent) }),
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
