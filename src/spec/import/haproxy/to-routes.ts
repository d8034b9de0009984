// Where do the requests of a frontend go, or how are they answered: which routes come of the rules?

import { covers, type Match } from '../../agree.ts'
import { isAlways, isNever, missesSome } from './conditions.ts'
import type { Ledger } from './ledger.ts'
import type { ProxySection, ReplyRule, Rule } from './model.ts'
import type { Services } from './to-services.ts'
import type { RouteTree } from './tree.ts'

interface Route {
  readonly tree: RouteTree
  readonly line: number
}

/** Where the requests of a frontend go. */
export interface Targets {
  readonly routes: readonly Route[]
  readonly to: string | undefined
}

/** Where the requests go; `undefined` if nowhere. */
export function targetsOf(
  proxy: ProxySection,
  services: Services,
  ledger: Ledger,
): Targets | undefined {
  const standard = standardTarget(proxy, services)
  const plan: Plan = { routes: [], to: undefined, isClosed: false, carried: new Set() }
  const stages = ['request', 'redirect'] as const
  for (const stage of stages) {
    for (const reply of proxy.replies.filter((one) => one.stage === stage)) {
      const obstacle = addReply(reply, proxy, plan)
      settleRule(reply, obstacle, plan, ledger)
    }
  }
  proxy.rules.forEach((rule, index) => {
    const isLast = index === proxy.rules.length - 1
    const obstacle = addRule(rule, isLast ? standard : undefined, proxy, services, plan)
    settleRule(rule, obstacle, plan, ledger)
  })
  settleAcls(proxy, plan, ledger)
  const line = proxy.defaultBackend?.line
  if (plan.to === undefined && !plan.isClosed) {
    plan.to = standard
    if (standard === undefined && line !== undefined) {
      ledger.drop(line, `the backend ${proxy.defaultBackend?.value} could not be carried over`)
    }
  }
  if (plan.to === undefined && plan.routes.length === 0) return undefined
  return { routes: plan.routes, to: plan.to }
}

type AnyRule = Rule | ReplyRule

/** Says what became of a rule: carried over, unless there is an obstacle. */
function settleRule(rule: AnyRule, obstacle: string | undefined, plan: Plan, ledger: Ledger): void {
  if (obstacle !== undefined) {
    const isGuard = 'guards' in rule && rule.guards
    ledger.drop(rule.line, obstacle, { loss: isGuard ? 'protection' : 'something' })
    return
  }
  plan.carried.add(rule)
  const notes = rule.condition.kind === 'beyond' ? [] : rule.condition.notes
  ledger.carry(rule.line, [...new Set(notes)].join('; ') || undefined)
}

/** Adds what the frontend answers by itself; or tells why it cannot. */
function addReply(rule: ReplyRule, proxy: ProxySection, plan: Plan): string | undefined {
  const { condition, tree, guards } = rule
  if (proxy.mode === 'tcp') return 'in TCP mode nothing is answered'
  if (condition.kind === 'beyond') return condition.reason
  // After a rule that takes everything, or on the half that it is not meant for.
  if (isNever(condition) || plan.isClosed) return undefined
  if (condition.kind === 'none-of') return 'routes cannot say “all but this”'
  if (guards && missesSome(condition)) return 'its routes would miss some of what it refuses'
  if (isAlways(condition)) {
    plan.routes.push({ tree, line: rule.line.number })
    plan.isClosed = true
    return undefined
  }
  return addRoutes(rule, tree, plan)
}

function standardTarget(proxy: ProxySection, services: Services): string | undefined {
  const own = proxy.kind === 'listen' ? services.names.get(proxy.name) : undefined
  const named = proxy.defaultBackend && services.names.get(proxy.defaultBackend.value)
  return named ?? own
}

interface Plan {
  readonly routes: Route[]
  to: string | undefined
  /** A rule answers every request that is left. */
  isClosed: boolean
  readonly carried: Set<AnyRule>
}

/** Adds what a rule says; or tells why it cannot. `standard` is given for the last rule only. */
function addRule(
  rule: Rule,
  standard: string | undefined,
  proxy: ProxySection,
  services: Services,
  plan: Plan,
): string | undefined {
  const target = services.names.get(rule.backend)
  if (plan.isClosed && proxy.isHalf) return undefined
  if (plan.to !== undefined || plan.isClosed) return 'a rule before it takes every request'
  if (rule.backend.includes('%[') || rule.backend.includes('${')) {
    return 'the backend is made up from the request or the environment'
  }
  if (target === undefined) return `the backend ${rule.backend} could not be carried over`
  const { condition } = rule
  if (condition.kind === 'beyond') return condition.reason
  const isAlways = condition.matches.some((one) => one.host === undefined && one.path === undefined)
  if (condition.kind === 'any-of' && isAlways) {
    plan.to = target
    return undefined
  }
  if (proxy.mode === 'tcp') return 'in TCP mode there is neither host nor path to route by'
  if (condition.kind === 'any-of') {
    if (isNever(condition) && proxy.isHalf) return undefined
    return addRoutes(rule, { to: target }, plan)
  }
  if (standard === undefined || isAlways) return 'routes cannot say “not this”'
  const obstacle = addRoutes(rule, { to: standard }, plan)
  if (obstacle === undefined) plan.to = target
  return obstacle
}

function addRoutes(rule: AnyRule, end: RouteTree, plan: Plan): string | undefined {
  const matches = rule.condition.kind === 'beyond' ? [] : rule.condition.matches
  if (matches.length === 0) return 'its condition never holds'
  const fresh = matches.filter((match, index) => {
    const earlier: readonly Match[] = [
      ...plan.routes.map((route) => route.tree),
      ...matches.slice(0, index),
    ]
    return !earlier.some((other) => covers(other, match))
  })
  if (fresh.length === 0) return 'a rule before it takes all of it'
  for (const { host, path } of fresh) {
    const tree = {
      ...(host === undefined ? {} : { host }),
      ...(path === undefined ? {} : { path }),
      ...end,
    }
    plan.routes.push({ tree, line: rule.line.number })
  }
  return undefined
}

/** Says of each `acl` whether a rule that was carried over uses it. */
function settleAcls(proxy: ProxySection, plan: Plan, ledger: Ledger): void {
  for (const acl of proxy.acls) {
    const isUsed = [...plan.carried].some((rule) =>
      rule.line.words.some((word) => word.replace(/^!/, '') === acl.name),
    )
    if (acl.condition.kind === 'beyond') ledger.drop(acl.line, acl.condition.reason)
    else if (isUsed) ledger.carry(acl.line)
    else ledger.drop(acl.line, 'no rule that was carried over uses it', { loss: 'nothing' })
  }
}
