// How much may one client ask? The idiom by which HAProxy says it: a `stick-table` that stores
// `http_req_rate`, a rule that tracks the client in it, and one that refuses beyond a number.

import type { Ledger } from './ledger.ts'
import type { Line, Section } from './model.ts'
import type { LimitTree } from './tree.ts'
import { readTime } from './values.ts'

/** The limits of a frontend. */
export interface Limits {
  readonly limits: readonly LimitTree[]
  /** The lines that it is made of: nobody else needs to look at them. */
  readonly lines: ReadonlySet<Line>
}

/** Of a frontend that has none. */
export const noLimits: Limits = { limits: [], lines: new Set() }

/** The limits of a frontend; `sections` are all, among which its table may be. */
export function readLimits(section: Section, sections: readonly Section[], ledger: Ledger): Limits {
  const limits: LimitTree[] = []
  const lines = new Set<Line>()
  for (const track of section.lines) {
    const tracked = trackedBy(track)
    if (tracked === undefined) continue
    const home = tracked.table === undefined ? section : named(tracked.table, sections)
    const table = home?.lines.find(({ words }) => words[0] === 'stick-table')
    const period = periodOf(table)
    if (table === undefined || period === undefined) continue
    for (const line of section.lines) {
      const most = mostOf(line, tracked.counter, section.lines)
      const rate = most === undefined ? undefined : rateText(most.requests, period)
      if (most === undefined || rate === undefined) continue
      limits.push({ rate, burst: most.requests })
      const note = 'a client that rests may ask so much at once; what is refused does not count'
      ledger.carry(line, most.status === 429 ? note : `answered 429; ${note}`)
      for (const part of [line, track, table, ...most.acls]) lines.add(part)
      for (const part of [track, table, ...most.acls]) ledger.carry(part)
    }
  }
  return limits.length === 0 ? noLimits : { limits, lines }
}

const named = (name: string, sections: readonly Section[]): Section | undefined =>
  sections.find((one) => one.name === name && /^(frontend|backend|listen)$/.test(one.kind))

interface Tracked {
  readonly counter: string
  readonly table: string | undefined
}

const trackRule = new RegExp(
  '^(?:http-request|tcp-request (?:connection|session)) ' +
    String.raw`track-sc([0-2]) src(?: table (\S+))?$`,
)

/** `http-request track-sc0 src [table NAME]`, without a condition. */
function trackedBy({ words }: Line): Tracked | undefined {
  const match = trackRule.exec(words.join(' '))
  return match?.[1] === undefined ? undefined : { counter: match[1], table: match[2] }
}

/** Milliseconds that a table of addresses counts requests over. */
function periodOf(table: Line | undefined): number | undefined {
  const text = table?.words.join(' ') ?? ''
  if (!/ type ipv?6?( |$)/.test(text)) return undefined
  return readTime(/[ ,]http_req_rate\((\w+)\)/.exec(text)?.[1])
}

interface Most {
  readonly requests: number
  readonly status: number
  readonly acls: readonly Line[]
}

const rateTest = /^(?:sc_http_req_rate\((\d)\)|sc(\d)_http_req_rate)(?:\(\))? (gt|ge) (\d{1,6})$/

/** What a rule refuses beyond: `deny [deny_status N] if { sc_http_req_rate(0) gt N }`. */
function mostOf(line: Line, counter: string, lines: readonly Line[]): Most | undefined {
  const text = line.words.join(' ')
  const rule =
    /^http-request (?:deny|reject|tarpit)(?: (?:deny_)?status (\d{3}))? if (?:\{ (.+) \}|(\S+))$/
  const match = rule.exec(text)
  if (match === null) return undefined
  const [, status = '403', inner, name] = match
  const acls = lines.filter(({ words }) => words[0] === 'acl' && words[1] === name)
  if (inner === undefined && acls.length !== 1) return undefined
  const test = inner ?? acls[0]?.words.slice(2).join(' ') ?? ''
  const found = rateTest.exec(test)
  if (found === null || (found[1] ?? found[2]) !== counter) return undefined
  const requests = Number(found[4]) - (found[3] === 'ge' ? 1 : 0)
  // An `acl` that other rules use too has to stay for them.
  const isShared = lines.filter(({ words }) => words.slice(2).includes(name ?? '\n')).length > 1
  return requests < 1 ? undefined : { requests, status: Number(status), acls: isShared ? [] : acls }
}

/** So many in so many milliseconds, as our file writes it, if it can exactly. */
function rateText(requests: number, period: number): string | undefined {
  if (period <= 0) return undefined
  for (const [unit, size] of [
    ['s', 1000],
    ['m', 60_000],
    ['h', 3_600_000],
  ] as const) {
    const amount = (requests * size) / period
    const isExact = Math.abs(amount * 1000 - Math.round(amount * 1000)) < 1e-6
    if (isExact && amount >= 0.001 && amount < 10_000_000)
      return `${Number(amount.toFixed(3))}/${unit}`
  }
  return undefined
}
