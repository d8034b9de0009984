// What does a frontend come to, once its short forms are written out and its defaults are in?

import { dirname, resolve as resolvePath } from 'node:path'
import type { PaceRule } from '../balancing/model.ts'
import type { RouteRules } from '../balancing/routing/model.ts'
import { systemCode } from '../foundation/fault.ts'
import { defaults, limits } from './defaults.ts'
import type { Frontend } from './model.ts'
import type { RawFrontend } from './schema.ts'
import { settleBalance } from './settle-balance.ts'
import { durationOf, sizeOf } from './settle-check.ts'
import { settleLimits } from './settle-limits.ts'
import { settleAccessLog, settleTelling } from './settle-observe.ts'
import { settleMaintenance, settleRequestRules, settleRoute } from './settle-route.ts'
import { settleTls } from './settle-tls.ts'
import type { Loose, Site } from './site.ts'
import type { Path } from './tree.ts'
import { readBind } from './values.ts'

/** The frontend as the other rooms want it; stand-ins for what was faulty. */
export function settleFrontend(name: string, raw: Loose<RawFrontend>, site: Site): Frontend {
  const path = ['frontends', name]
  const mode = raw.mode ?? defaults.mode
  if (mode === 'tcp') refuseHttpKeys(raw, path, site)
  const binds = typeof raw.bind === 'string' ? [raw.bind] : (raw.bind ?? [])
  const telling = settleTelling(raw)
  const accessLog = settleAccessLog(name, raw.access_log, site)
  const { idle, idleTcp, head, tunnel, halfClosed } = defaults.frontendTimeouts
  return {
    name,
    mode,
    binds: binds.flatMap((text) => {
      const bind = readBind(text ?? '')
      return bind.ok ? [bind.value] : []
    }),
    balance: settleBalance(raw.balance, [...path, 'balance'], site) ?? { policy: defaults.balance },
    routes: (raw.routes ?? []).flatMap((route, index) =>
      route === undefined ? [] : settleRoute(route, [...path, 'routes', index], site),
    ),
    ...rulesOf(raw),
    ...settleLimits(raw.limits, name, [...path, 'limits'], site),
    ...settleMaintenance(raw.maintenance, (file) =>
      readPage(file, [...path, 'maintenance', 'page'], site),
    ),
    to: raw.to,
    idleTimeout: durationOf(raw.timeouts?.idle, mode === 'tcp' ? idleTcp : idle),
    headTimeout: durationOf(raw.timeouts?.head, head),
    tunnelTimeout: durationOf(raw.timeouts?.tunnel, tunnel),
    halfClosedTimeout: durationOf(raw.timeouts?.half_closed, halfClosed),
    ...paceOf(raw.timeouts),
    ...acceptProxyOf(raw.accept_proxy),
    maxConnections: raw.max_connections ?? defaults.maxConnections,
    tls: settleTls(raw, mode, [...path, 'tls'], site),
    redirect: settleRedirect(raw, path, site),
    ...(accessLog === undefined ? {} : { accessLog }),
    ...(telling === undefined ? {} : { telling }),
    errorPages: settleErrorPages(raw.error_pages ?? {}, [...path, 'error_pages'], site),
  }
}

function paceOf(raw: Loose<RawFrontend>['timeouts']): { readonly pace?: PaceRule } {
  const { request, slow } = raw ?? {}
  if (request === undefined && slow === undefined) return {}
  const { below, for: length } = defaults.slow
  return {
    pace: {
      ...(request === undefined ? {} : { request: durationOf(request, request) }),
      ...(slow === undefined
        ? {}
        : { slow: { below: sizeOf(slow.below, below), for: durationOf(slow.for, length) } }),
    },
  }
}

function acceptProxyOf(raw: Loose<RawFrontend>['accept_proxy']): {
  readonly acceptProxy?: readonly string[]
} {
  const networks = (raw ?? []).filter((one) => one !== undefined)
  return networks.length === 0 ? {} : { acceptProxy: networks }
}

function settleRedirect(raw: Loose<RawFrontend>, path: Path, site: Site): Frontend['redirect'] {
  if (raw.redirect === undefined) return undefined
  const idle = (['to', 'routes', 'tls'] as const).find((key) => raw[key] !== undefined)
  if (idle !== undefined) {
    const message = `every request is sent to https: \`${idle}\` has nothing to do here`
    site.fault([...path, idle], message, 'put it in the frontend with `tls`', { at: 'key' })
  }
  const long = typeof raw.redirect === 'string' ? {} : raw.redirect
  return {
    status: long.status ?? defaults.redirect.status,
    port: long.port ?? defaults.redirect.port,
  }
}

/** Keys that only make sense where requests are read. */
function refuseHttpKeys(raw: Loose<RawFrontend>, path: Path, site: Site): void {
  const refuse = (at: Path, what: string): void =>
    site.fault(
      [...path, ...at],
      `in TCP mode ${what}: bytes are passed on as they are`,
      'leave it out, or write `mode: http`',
      { at: 'key' },
    )
  if ((raw.routes ?? []).length > 0)
    refuse(['routes'], 'there is neither host nor path to route by')
  if (raw.forwarded !== undefined) refuse(['forwarded'], 'nothing is added to requests')
  if (raw.tracing !== undefined) refuse(['tracing'], 'nothing is added to requests')
  if (raw.redirect !== undefined) refuse(['redirect'], 'there are no answers of our own')
  for (const key of ['request_headers', 'response_headers', 'max_body', 'limits'] as const) {
    if (raw[key] !== undefined) refuse([key], 'there are no requests')
  }
  if (raw.error_pages !== undefined) refuse(['error_pages'], 'there are no answers of our own')
  if (raw.timeouts?.head !== undefined) refuse(['timeouts', 'head'], 'there are no request heads')
  if (raw.timeouts?.tunnel !== undefined) refuse(['timeouts', 'tunnel'], 'nothing is upgraded')
  for (const key of ['request', 'slow'] as const) {
    if (raw.timeouts?.[key] !== undefined) refuse(['timeouts', key], 'there are no requests')
  }
  if (raw.timeouts?.half_closed !== undefined)
    refuse(['timeouts', 'half_closed'], 'an end passes as an end')
}

function rulesOf(raw: Loose<RawFrontend>): { readonly rules?: RouteRules } {
  const rules = settleRequestRules(raw)
  return Object.keys(rules).length === 0 ? {} : { rules }
}

function settleErrorPages(
  raw: Readonly<Record<string, string | undefined>>,
  path: Path,
  site: Site,
): Readonly<Record<string, string>> {
  const pages = Object.entries(raw).flatMap(([status, file]) => {
    const body = file === undefined ? undefined : readPage(file, [...path, status], site)
    return body === undefined ? [] : [[status, body] as const]
  })
  return Object.fromEntries(pages)
}

/** The body of a page; what is wrong with it has been reported. */
export function readPage(file: string, path: Path, site: Site): string | undefined {
  const shown = site.shown(path)
  try {
    const body = site.readFile(resolvePath(dirname(site.file), file))
    if (Buffer.byteLength(body) <= limits.errorPageBytes) return body
    site.fault(path, `\`${shown}\` is larger than ${limits.errorPageBytes / 1024} KiB`)
  } catch (thrown) {
    const code = systemCode(thrown)
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a folder'
          : code === 'EACCES'
            ? 'it may not be read'
            : String((thrown as Error).message)
    site.fault(path, `cannot read \`${shown}\`: ${why}`, 'paths count from the folder of this file')
  }
  return undefined
}
