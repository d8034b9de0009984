// Which frontends do HAProxy's come to, with which routes?

import { covers, type Listener, type Match, overlap } from '../../agree.ts'
import { formatPath } from '../../tree.ts'
import { readBind } from '../../values.ts'
import type { Ledger } from './ledger.ts'
import type { BindAddress, ProxySection, Rule } from './model.ts'
import type { Namer } from './names.ts'
import type { Configuration } from './proxies.ts'
import type { Services } from './to-services.ts'
import type { FrontendTree, RouteTree } from './tree.ts'
import { timeText } from './values.ts'

/** Gives the page of an `errorfile`, by its path in the result; `undefined` has been reported. */
export type PageOf = (proxy: ProxySection, status: string) => string | undefined

export interface Frontends {
  readonly trees: Readonly<Record<string, FrontendTree>>
  readonly lines: Readonly<Record<string, number>>
}

/** Makes a frontend of every one that still has an address and leads somewhere. */
export function toFrontends(
  { proxies, maxConnections }: Configuration,
  services: Services,
  namer: Namer,
  ledger: Ledger,
  pageOf: PageOf,
): Frontends {
  const trees: Record<string, FrontendTree> = {}
  const lines: Record<string, number> = {}
  const taken: Listener[] = []
  for (const proxy of proxies) {
    if (proxy.kind === 'backend' || proxy.isDisabled) continue
    const targets = targetsOf(proxy, services, ledger)
    const binds = targets === undefined ? [] : alike(freeBinds(proxy.binds, taken, ledger), ledger)
    if (targets === undefined || binds.length === 0) {
      dropFrontend(proxy, services, targets === undefined, ledger)
      continue
    }
    const name = namer.name(proxy.name)
    trees[name] = {
      bind: binds.map(({ text }) => text),
      ...(proxy.mode === 'tcp' ? { mode: 'tcp' } : {}),
      ...(targets.routes.length === 0 ? {} : { routes: targets.routes.map(({ tree }) => tree) }),
      ...(targets.to === undefined ? {} : { to: targets.to }),
      ...limitsOf(proxy, maxConnections),
      ...acceptProxyOf(binds, ledger),
      ...pagesOf(proxy, pageOf),
    }
    const path = ['frontends', name]
    lines[formatPath(path)] = proxy.line.number
    binds.forEach(({ line }, index) => {
      lines[formatPath([...path, 'bind', index])] = line.number
    })
    targets.routes.forEach(({ line }, index) => {
      lines[formatPath([...path, 'routes', index])] = line
    })
  }
  return { trees, lines }
}

function dropFrontend(
  proxy: ProxySection,
  services: Services,
  isAimless: boolean,
  ledger: Ledger,
): void {
  if (proxy.kind === 'listen' && services.names.has(proxy.name)) return
  if (proxy.isStatistics && isAimless) {
    const how = { loss: 'nothing' } as const
    for (const line of [proxy.line, ...proxy.lines]) {
      ledger.drop(line, 'not needed: `alwayson status` shows what the statistics page showed', how)
    }
    return
  }
  const reason = isAimless
    ? 'no backend that it leads to could be carried over'
    : 'no address of it could be carried over'
  for (const line of [proxy.line, ...proxy.lines]) ledger.drop(line, reason)
}

/** HAProxy believes whoever connects to such an address. */
function acceptProxyOf(binds: readonly BindAddress[], ledger: Ledger): Partial<FrontendTree> {
  if (!binds.some(({ acceptsProxy }) => acceptsProxy)) return {}
  for (const { line } of binds) ledger.carry(line, 'name the networks of the proxies alone')
  return { accept_proxy: ['0.0.0.0/0', '::/0'] }
}

/** With and without a PROXY header is not both expected of one frontend: the first decides. */
function alike(binds: readonly BindAddress[], ledger: Ledger): readonly BindAddress[] {
  return binds.filter((bind) => {
    if (bind.acceptsProxy === binds[0]?.acceptsProxy) return true
    const reason = '`accept-proxy` holds for all addresses of a frontend, or for none'
    ledger.drop(bind.line, reason, { piece: bind.text })
    return false
  })
}

/** The addresses that no frontend before this one listens on. */
function freeBinds(
  binds: readonly BindAddress[],
  taken: Listener[],
  ledger: Ledger,
): readonly BindAddress[] {
  return binds.filter((bind) => {
    const address = readBind(bind.text)
    if (!address.ok) {
      if (bind.text.includes('${')) return true
      ledger.drop(bind.line, 'it is no address to listen on', { piece: bind.text })
      return false
    }
    const listener: Listener = { ...address.value, path: [] }
    if (taken.some((other) => overlap(other, listener))) {
      const reason = 'another frontend, or this one, listens there already'
      ledger.drop(bind.line, reason, { piece: bind.text })
      return false
    }
    taken.push(listener)
    return true
  })
}

function limitsOf(
  proxy: ProxySection,
  overall: Configuration['maxConnections'],
): Partial<FrontendTree> {
  const { client, tunnel, 'http-request': head, 'http-keep-alive': keepAlive } = proxy.timeouts
  const isHttp = proxy.mode === 'http'
  const idle = isHttp ? (keepAlive ?? client) : (tunnel ?? client)
  const timeouts = {
    ...(idle === undefined ? {} : { idle: timeText(idle.value) }),
    ...(head === undefined || !isHttp ? {} : { head: timeText(head.value) }),
    ...(tunnel === undefined || !isHttp ? {} : { tunnel: timeText(tunnel.value) }),
  }
  const connections = proxy.maxConnections ?? overall
  return {
    ...(Object.keys(timeouts).length === 0 ? {} : { timeouts }),
    ...(connections === undefined ? {} : { max_connections: connections.value }),
  }
}

function pagesOf(proxy: ProxySection, pageOf: PageOf): Partial<FrontendTree> {
  if (proxy.mode === 'tcp') return {}
  const pages = Object.keys(proxy.errorFiles).flatMap((status) => {
    const path = pageOf(proxy, status)
    return path === undefined ? [] : [[status, path] as const]
  })
  return pages.length === 0 ? {} : { error_pages: Object.fromEntries(pages) }
}

interface Route {
  readonly tree: RouteTree
  readonly line: number
}

interface Targets {
  readonly routes: readonly Route[]
  readonly to: string | undefined
}

/** Where the requests go; `undefined` if nowhere. */
function targetsOf(proxy: ProxySection, services: Services, ledger: Ledger): Targets | undefined {
  const standard = standardTarget(proxy, services)
  const plan: Plan = { routes: [], to: undefined, carried: new Set() }
  proxy.rules.forEach((rule, index) => {
    const isLast = index === proxy.rules.length - 1
    const obstacle = addRule(rule, isLast ? standard : undefined, proxy, services, plan)
    if (obstacle === undefined) {
      plan.carried.add(rule)
      const notes = rule.condition.kind === 'beyond' ? [] : rule.condition.notes
      ledger.carry(rule.line, [...new Set(notes)].join('; ') || undefined)
    } else {
      ledger.drop(rule.line, obstacle)
    }
  })
  settleAcls(proxy, plan, ledger)
  const line = proxy.defaultBackend?.line
  if (plan.to === undefined) {
    plan.to = standard
    if (standard === undefined && line !== undefined) {
      ledger.drop(line, `the backend ${proxy.defaultBackend?.value} could not be carried over`)
    }
  }
  if (plan.to === undefined && plan.routes.length === 0) return undefined
  return { routes: plan.routes, to: plan.to }
}

function standardTarget(proxy: ProxySection, services: Services): string | undefined {
  const own = proxy.kind === 'listen' ? services.names.get(proxy.name) : undefined
  const named = proxy.defaultBackend && services.names.get(proxy.defaultBackend.value)
  return named ?? own
}

interface Plan {
  readonly routes: Route[]
  to: string | undefined
  readonly carried: Set<Rule>
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
  if (plan.to !== undefined) return 'a rule before it takes every request'
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
  if (condition.kind === 'any-of') return addRoutes(rule, target, plan)
  if (standard === undefined || isAlways) return 'routes cannot say “not this”'
  const obstacle = addRoutes(rule, standard, plan)
  if (obstacle === undefined) plan.to = target
  return obstacle
}

function addRoutes(rule: Rule, to: string, plan: Plan): string | undefined {
  const matches = rule.condition.kind === 'beyond' ? [] : rule.condition.matches
  if (matches.length === 0) return 'its condition never holds'
  const fresh = matches.filter((match, index) => {
    const earlier: readonly Match[] = [
      ...plan.routes.map(({ tree }) => tree),
      ...matches.slice(0, index),
    ]
    return !earlier.some((other) => covers(other, match))
  })
  if (fresh.length === 0) return 'a rule before it takes all of it'
  for (const { host, path } of fresh) {
    const tree = {
      ...(host === undefined ? {} : { host }),
      ...(path === undefined ? {} : { path }),
      to,
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
