// Which route does this request take? The first that matches. Pure.

import type { Asked } from '../../../routing/asked.ts'
import type { Route } from './route.ts'

/** The host of a Host field without its port, in lower case. */
export function hostName(authority: string): string {
  const end = authority.startsWith('[') ? authority.indexOf(']') + 1 : authority.indexOf(':')
  return (end > 0 ? authority.slice(0, end) : authority).toLowerCase()
}

/** The path of a target, without the query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

/** `*.shop.example` matches `a.shop.example` and `b.a.shop.example`, not `shop.example`. */
function matchesHost(pattern: string | undefined, host: string): boolean {
  if (pattern === undefined || pattern === host) return true
  return pattern.startsWith('*.') && host.length > pattern.length - 1
    ? host.endsWith(pattern.slice(1))
    : false
}

/** `/old` matches `/old` and `/old/x`, not `/older`; `/` matches all. */
function matchesPath(prefix: string | undefined, path: string): boolean {
  if (prefix === undefined || !path.startsWith(prefix)) return prefix === undefined
  return prefix.length === path.length || prefix.endsWith('/') || path[prefix.length] === '/'
}

/** The first route that takes the request, or `undefined`. */
export const findRoute = (
  routes: readonly Route[],
  host: string,
  path: string,
  asked: Asked,
): Route | undefined =>
  routes.find(
    ({ rule, matches }) =>
      matchesHost(rule.host, host) &&
      matchesPath(rule.path, path) &&
      (matches === undefined || matches(path, asked)),
  )

/** The route that every request takes, when the first one asks for nothing. */
export function onlyRoute(routes: readonly Route[]): Route | undefined {
  const [first] = routes
  const isOpen =
    first !== undefined &&
    first.rule.host === undefined &&
    first.rule.path === undefined &&
    first.matches === undefined
  return isOpen ? first : undefined
}
