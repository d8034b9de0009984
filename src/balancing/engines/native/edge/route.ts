// One route as this edge follows it: what it asks and does, made ready once for each table.

import type { TableRoute } from '../../../model.ts'
import type { Chooser } from '../../../policies/choose.ts'
import { hashKey, keyless } from '../../../policies/hash-key.ts'
import type { Asked } from '../../../routing/asked.ts'
import { Edit } from '../../../routing/edit.ts'
import { type Matches, matcherOf } from '../../../routing/match.ts'
import type { Canary, RouteRules } from '../../../routing/model.ts'
import type { Pool } from './pool.ts'

/** What is done to a request besides being sent on. */
export interface RouteDeeds {
  readonly rules: RouteRules
  readonly request: Edit | undefined
  readonly answer: Edit | undefined
  /** Whether its target is another one for the server. */
  readonly rewrites: boolean
  readonly canary: (Canary & { readonly target: Pool }) | undefined
}

/** A route with what it leads to: the pool itself, so that no name is looked up for a request. */
export interface Route {
  readonly rule: TableRoute
  /** `undefined`: what it takes is answered by ourselves. */
  readonly target: Pool | undefined
  /** How a server is picked, but for the key of a hash. */
  readonly chooser: Chooser
  /** What it asks beyond host and path. */
  readonly matches: Matches | undefined
  /** `undefined` for most routes: they only send on. */
  readonly deeds: RouteDeeds | undefined
}

/** How a server is picked for one request. */
export function chooserOf({ rule, chooser }: Route, asked: Asked): Chooser {
  return rule.hash === undefined ? chooser : { ...chooser, key: hashKey(rule.hash, asked) }
}

/** Makes a route ready; none when its service is not there. */
export function routesOf(rule: TableRoute, pools: ReadonlyMap<string, Pool>): readonly Route[] {
  const { rules } = rule
  const target = rule.pool === undefined ? undefined : pools.get(rule.pool)
  if (target === undefined && rules?.reply === undefined) return []
  const matches = rules && matcherOf(rules, rule.path)
  const chooser = { policy: rule.policy, key: keyless, bound: rule.hash?.bound ?? Infinity }
  return [{ rule, target, chooser, matches, deeds: rules && deedsOf(rules, pools) }]
}

function deedsOf(rules: RouteRules, pools: ReadonlyMap<string, Pool>): RouteDeeds {
  const { request, answer, strip, prepend, canary } = rules
  const target = canary && pools.get(canary.pool)
  return {
    rules,
    request: request && new Edit(request),
    answer: answer && new Edit(answer),
    rewrites: strip !== undefined || prepend !== undefined,
    canary: canary && target && { ...canary, target },
  }
}
