// What of a request is hashed, so that what belongs together goes to one server? Pure.

import type { HashRule } from '../model.ts'
import type { Asked } from '../routing/asked.ts'
import { hash32 } from './hash.ts'

/** No key: the request lacks what the rule hashes, and may go anywhere. */
export const keyless = -1

/** The key of a request as a `hash32`, or `keyless`. */
export function hashKey(rule: HashRule, asked: Asked): number {
  const text = keyText(rule, asked)
  return text === undefined || text === '' ? keyless : hash32(text)
}

function keyText(rule: HashRule, asked: Asked): string | undefined {
  switch (rule.by) {
    case 'source':
      return asked.source
    case 'uri':
      return uriPart(asked.target, rule)
    case 'header':
      return asked.field(rule.name ?? '')
    case 'cookie':
      return cookieOf(asked.field('cookie'), rule.name ?? '')
  }
}

/** The first `depth` segments of the path, or all of it; with the query only when asked for. */
function uriPart(target: string, { depth, query }: HashRule): string {
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  if (depth === undefined) return query === true ? target : path
  let end = 0
  for (let segment = 0; segment < depth && end >= 0; segment += 1) end = path.indexOf('/', end + 1)
  return end < 0 ? path : path.slice(0, end)
}

/** The value of the cookie `name` in a Cookie field (RFC 6265 4.2.1), without its quotes. */
export function cookieOf(field: string | undefined, name: string): string | undefined {
  if (field === undefined) return undefined
  for (let at = 0; at < field.length; ) {
    const end = field.indexOf(';', at)
    const stop = end < 0 ? field.length : end
    const equals = field.indexOf('=', at)
    if (equals >= 0 && equals < stop && field.slice(at, equals).trim() === name) {
      const value = field.slice(equals + 1, stop).trim()
      return value.startsWith('"') && value.endsWith('"') && value.length > 1
        ? value.slice(1, -1)
        : value
    }
    at = stop + 1
  }
  return undefined
}
