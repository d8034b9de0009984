// Do the parts of the file agree? Names that must exist, addresses and names that must differ,
// routes that must be reachable.

import type { RouteRules } from '../balancing/routing/model.ts'
import type { Frontend, ServersService, Spec } from './model.ts'
import { suggest } from './nearest.ts'
import type { LooseFile, Site } from './site.ts'
import { formatPath, type Path } from './tree.ts'

/** Reports everything that does not. `raw` tells what the file itself says. */
export function agree(raw: LooseFile, spec: Spec, site: Site): void {
  if (raw.services !== undefined && Object.keys(raw.services).length === 0) {
    site.fault(['services'], 'there is no service here', 'name at least one', { absence: true })
  }
  for (const [name, frontend] of Object.entries(raw.frontends ?? {})) {
    agreeOnTargets(name, frontend ?? {}, raw, site)
  }
  for (const frontend of Object.values(spec.frontends)) agreeOnRoutes(frontend, raw, site)
  agreeOnBinds(raw, spec, site)
  agreeOnServers(raw, spec, site)
  agreeOnChallenges(spec, site)
  agreeOnMachines(raw, spec, site)
}

/** Whoever may run a service has to be one of the machines. */
function agreeOnMachines(raw: LooseFile, { services, machines }: Spec, site: Site): void {
  const known = Object.keys(machines)
  for (const service of Object.values(services)) {
    if (service.kind !== 'run') continue
    const written = raw.services?.[service.name]
    const isList = written !== undefined && 'on' in written && typeof written.on !== 'string'
    for (const [index, machine] of (service.on ?? []).entries()) {
      if (machines[machine] !== undefined) continue
      const at = ['services', service.name, 'on']
      const remedy = known.length === 0 ? 'name them under `machines:`' : suggest(machine, known)
      const path = isList ? [...at, index] : at
      site.fault(path, `there is no machine \`${machine}\``, remedy, { absence: true })
    }
  }
}

/** An authority that asks over HTTP has to find somebody who answers. */
function agreeOnChallenges(spec: Spec, site: Site): void {
  const frontends = Object.values(spec.frontends)
  if (frontends.some(({ mode, tls }) => mode === 'http' && tls === undefined)) return
  for (const { name, tls } of frontends) {
    if (tls?.acme?.challenge !== 'http-01') continue
    site.fault(
      ['frontends', name, 'tls', 'acme'],
      'no frontend without TLS is there to answer `http-01`',
      'add one on port 80, such as `{ bind: ":80", redirect: https }`, or use `tls-alpn-01`',
      { at: 'key', absence: true },
    )
  }
}

type LooseFrontend = NonNullable<NonNullable<LooseFile['frontends']>[string]>

function agreeOnTargets(name: string, raw: LooseFrontend, file: LooseFile, site: Site): void {
  const known = Object.keys(file.services ?? {})
  const path = ['frontends', name]
  const look = (target: string | undefined, at: Path): void => {
    if (target === undefined || known.includes(target)) return
    const shown = site.shown(at)
    site.fault(at, `there is no service \`${shown}\``, suggest(shown, known), { absence: true })
  }
  look(raw.to, [...path, 'to'])
  raw.routes?.forEach((route, index) => {
    look(route?.to, [...path, 'routes', index, 'to'])
    look(route?.canary?.to, [...path, 'routes', index, 'canary', 'to'])
  })
  if (raw.redirect === undefined && raw.to === undefined && (raw.routes ?? []).length === 0) {
    const remedy = known.length === 1 ? `add \`to: ${known[0]}\`` : 'add `to` with the name of one'
    site.fault(path, `\`${name}\` leads to no service`, remedy, { at: 'key', absence: true })
  }
}

/** What a route asks of a request. */
export interface Match {
  readonly host?: string | undefined
  readonly path?: string | undefined
  readonly rules?: Pick<RouteRules, 'methods' | 'fields' | 'exact' | 'ends'>
}

/** Whether it asks for more than host and path: then it leaves something to others. */
const asksMore = ({ rules = {} }: Match): boolean =>
  rules.methods !== undefined ||
  rules.fields !== undefined ||
  rules.ends !== undefined ||
  rules.exact === true

/** Whether every request that `later` takes has been taken by `earlier`. */
export const covers = (earlier: Match, later: Match): boolean =>
  !asksMore(earlier) && coversHost(earlier.host, later.host) && coversPath(earlier.path, later.path)

function coversHost(earlier: string | undefined, later: string | undefined): boolean {
  if (earlier === undefined || earlier === later) return true
  if (later === undefined || !earlier.startsWith('*.')) return false
  return later.replace(/^\*\./, '.').endsWith(earlier.slice(1))
}

function coversPath(earlier: string | undefined, later: string | undefined): boolean {
  if (earlier === undefined || earlier === '/' || earlier === later) return true
  return later?.startsWith(`${earlier}/`) ?? false
}

function agreeOnRoutes(frontend: Frontend, file: LooseFile, site: Site): void {
  const raw = file.frontends?.[frontend.name]
  const routes = raw?.routes ?? []
  const path = ['frontends', frontend.name]
  // Where a route is faulty, nothing is said of what it covers.
  const isWhole = routes.every((route, index) =>
    (['host', 'path', 'to', 'methods', 'headers', 'exact', 'path_end'] as const).every(
      (field) => route?.[field] !== undefined || !site.has([...path, 'routes', index, field]),
    ),
  )
  if (!isWhole || routes.length !== frontend.routes.length) return
  frontend.routes.forEach((route, index) => {
    const earlier = frontend.routes.findIndex((other, at) => at < index && covers(other, route))
    if (earlier < 0) return
    site.fault(
      [...path, 'routes', index],
      `this route never matches: ${formatPath(['routes', earlier])} takes all of it before`,
      'put the narrower route first, or leave this one out',
    )
  })
  const all = frontend.routes.findIndex((route) => covers(route, {}))
  if (all < 0 || frontend.to === undefined) return
  site.fault(
    [...path, 'to'],
    `nothing is left for \`to\`: ${formatPath(['routes', all])} takes every request`,
    'leave one of the two out',
    { at: 'key' },
  )
}

/** An address that something listens on, and where the file says so. */
export interface Listener {
  readonly host: string
  readonly port: number
  readonly path: Path
}

/**
 * Whether two cannot listen at once.
 * `::` also takes IPv4 unless the system says otherwise (ipv6(7), IPV6_V6ONLY).
 */
export const overlap = (a: Listener, b: Listener): boolean =>
  a.port === b.port &&
  (a.host === b.host || isEverything(a.host, b.host) || isEverything(b.host, a.host))

const isEverything = (wide: string, narrow: string): boolean =>
  wide === '::' || (wide === '0.0.0.0' && !narrow.includes(':'))

function agreeOnBinds(raw: LooseFile, spec: Spec, site: Site): void {
  const listeners: Listener[] = []
  for (const frontend of Object.values(spec.frontends)) {
    const path = ['frontends', frontend.name, 'bind']
    const written = raw.frontends?.[frontend.name]?.bind
    const isList = Array.isArray(written)
    if (isList && written.length !== frontend.binds.length) continue
    frontend.binds.forEach((bind, index) => {
      const listener = { ...bind, path: isList ? [...path, index] : path }
      const other = listeners.find((one) => overlap(one, listener))
      listeners.push(listener)
      if (other === undefined) return
      const [shown, taken] = [site.shown(listener.path), site.shown(other.path)]
      const whose = formatPath(other.path)
      site.fault(
        listener.path,
        `\`${shown}\` is taken: ${whose} listens on \`${taken}\``,
        'give one of them another port, or make them one frontend with `routes`',
      )
    })
  }
}

function agreeOnServers(raw: LooseFile, spec: Spec, site: Site): void {
  const ids = new Map<string, string>()
  for (const service of Object.values(spec.services)) {
    const owner = replicaOwner(service.name, spec)
    if (owner !== undefined) {
      const message = `\`${service.name}\` is also what a replica of ${owner} is called`
      site.fault(['services', service.name], message, 'choose another name', { at: 'key' })
    }
    if (service.kind === 'run') continue
    agreeOnAddresses(service, raw, site, (id, path) => {
      const first = ids.get(id) ?? replicaOwner(id, spec)
      if (first !== undefined) {
        const message = `a server called \`${id}\` is already in ${first}`
        site.fault(path, message, 'give this one another `name`')
      }
      ids.set(id, `services.${service.name}`)
    })
  }
}

/** The service whose replicas may be called `id`. */
function replicaOwner(id: string, spec: Spec): string | undefined {
  const name = /^(.+)-\d+(?:\.[^.]+)?$/.exec(id)?.[1]
  return name !== undefined && spec.services[name]?.kind === 'run' ? `services.${name}` : undefined
}

function agreeOnAddresses(
  service: ServersService,
  raw: LooseFile,
  site: Site,
  claim: (id: string, path: Path) => void,
): void {
  const written = raw.services?.[service.name]
  const list = written !== undefined && 'servers' in written ? (written.servers ?? []) : []
  if (list.length !== service.servers.length) return
  const path = ['services', service.name, 'servers']
  const seen = new Map<string, number>()
  service.servers.forEach((server, index) => {
    const item = list[index]
    const at = [...path, index, ...(typeof item === 'string' ? [] : ['at'])]
    const address = `${server.host} ${server.port}`
    const first = seen.get(address)
    if (first !== undefined) {
      const place = formatPath(['servers', first])
      const message = `\`${site.shown(at)}\` stands here twice; the first is ${place}`
      site.fault(at, message, 'leave one out; to give it a larger share, use `weight`')
    }
    seen.set(address, index)
    claim(
      server.id,
      typeof item === 'string' || item?.name === undefined ? at : [...path, index, 'name'],
    )
  })
  if (service.servers.length > 0 && service.servers.every((server) => server.backup)) {
    site.fault(path, 'every server is a backup, so there is none to back up', undefined, {
      at: 'key',
    })
  }
}
