// Which route does this request take? By host and path, the first that matches. Pure.

import type { TableRoute } from '../../../model.ts'

/** A route with what it leads to: the pool itself, so that no name is looked up for a request. */
export interface Route<Target> {
  readonly rule: TableRoute
  readonly target: Target
}

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

/** The first route that matches both, or `undefined`. */
export const findRoute = <Target>(
  routes: readonly Route<Target>[],
  host: string,
  path: string,
): Route<Target> | undefined =>
  routes.find(({ rule }) => matchesHost(rule.host, host) && matchesPath(rule.path, path))

/** The route that every request takes, when the first one asks for neither host nor path. */
export function onlyRoute<Target>(routes: readonly Route<Target>[]): Route<Target> | undefined {
  const [first] = routes
  const isOpen =
    first !== undefined && first.rule.host === undefined && first.rule.path === undefined
  return isOpen ? first : undefined
}
