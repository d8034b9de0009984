// Which frontends do HAProxy's come to, with which routes?

import { type Listener, overlap } from '../../agree.ts'
import { formatPath } from '../../tree.ts'
import { readBind } from '../../values.ts'
import { fieldsTree } from './fields.ts'
import type { Ledger } from './ledger.ts'
import type { BindAddress, ProxySection } from './model.ts'
import type { Namer } from './names.ts'
import type { Configuration } from './proxies.ts'
import { targetsOf } from './to-routes.ts'
import type { Services } from './to-services.ts'
import type { FrontendTree } from './tree.ts'
import { timeText } from './values.ts'
import { watchingTree } from './watching.ts'

/** Gives the page of an `errorfile`, by its path in the result; `undefined` has been reported. */
export type PageOf = (proxy: ProxySection, status: string) => string | undefined

export interface Frontends {
  /** Where a frontend showed HAProxy's statistics and nothing else. */
  readonly metrics: string | undefined
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
  let metrics: string | undefined
  for (const proxy of proxies) {
    if (proxy.kind === 'backend' || proxy.isDisabled) continue
    const targets = targetsOf(proxy, services, ledger)
    const binds = targets === undefined ? [] : alike(freeBinds(proxy.binds, taken, ledger), ledger)
    if (targets === undefined || binds.length === 0) {
      const page = targets === undefined && proxy.isStatistics ? pageAt(proxy, taken, ledger) : []
      metrics ??= page[0]?.text
      if (page[0] !== undefined && metrics === page[0].text) continue
      dropFrontend(proxy, services, targets === undefined, ledger)
      continue
    }
    const isSecond = proxy.isHalf && binds.some(({ tls }) => tls !== undefined)
    const name = namer.name(isSecond ? `${proxy.name}-tls` : proxy.name)
    trees[name] = {
      bind: binds.map(({ text }) => text),
      ...(proxy.mode === 'tcp' ? { mode: 'tcp' } : {}),
      ...(targets.routes.length === 0 ? {} : { routes: targets.routes.map(({ tree }) => tree) }),
      ...(targets.to === undefined ? {} : { to: targets.to }),
      ...tlsOf(proxy, binds),
      ...fieldsOf(proxy),
      ...watchingTree(proxy),
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
  return { trees, lines, metrics }
}

/** The address of a page of statistics that asks nobody for a password. */
function pageAt(
  { line, binds, lines }: ProxySection,
  taken: Listener[],
  ledger: Ledger,
): readonly BindAddress[] {
  const isGuarded = lines.some(({ words }) =>
    /^(auth|admin|http-request|deny|reject|connection|content)$/.test(words[1] ?? ''),
  )
  const [only, ...more] = binds
  const isPlain = only !== undefined && !only.acceptsProxy && only.tls === undefined
  if (isGuarded || !isPlain || more.length > 0 || only.text.includes('${')) return []
  const free = freeBinds(binds, taken, ledger)
  for (const one of free) ledger.carry(one.line, '`metrics`: the page is at `/stats`')
  if (free.length > 0) ledger.carry(line)
  return free
}

function dropFrontend(
  proxy: ProxySection,
  services: Services,
  isAimless: boolean,
  ledger: Ledger,
): void {
  if (proxy.kind === 'listen' && services.names.has(proxy.name)) return
  if (proxy.isHalf) {
    const why = isAimless ? 'it leads nowhere' : 'no address of it could be carried over'
    for (const { line, text } of proxy.binds) ledger.drop(line, why, { piece: text })
    return
  }
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

/** What all addresses of the frontend say of TLS, together. */
function tlsOf(proxy: ProxySection, binds: readonly BindAddress[]): Partial<FrontendTree> {
  const all = binds.flatMap(({ tls }) => tls ?? [])
  if (all.length === 0) return {}
  const alpn = all.find((one) => one.alpn !== undefined)?.alpn ?? []
  const oldest = all.flatMap((one) => one.oldest ?? [])
  return {
    tls: {
      certificates: [...new Set(all.flatMap(({ certificates }) => certificates))],
      ...(oldest.length === 0 ? {} : { min_version: oldest.toSorted().at(-1) }),
      ...(proxy.mode === 'http' || alpn.length === 0 ? {} : { alpn }),
    },
  }
}

function fieldsOf({ mode, fields, limits }: ProxySection): Partial<FrontendTree> {
  if (mode === 'tcp') return {}
  const [request, response] = [fieldsTree(fields, 'request'), fieldsTree(fields, 'response')]
  return {
    ...(limits.length === 0 ? {} : { limits }),
    ...(Object.keys(request).length === 0 ? {} : { request_headers: request }),
    ...(Object.keys(response).length === 0 ? {} : { response_headers: response }),
  }
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
