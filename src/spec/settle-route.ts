// What does a route come to, once its short forms are written out?

import type {
  FieldEdit,
  FieldMatch,
  Maintenance,
  Reply,
  RouteRules,
} from '../balancing/routing/model.ts'
import { defaults } from './defaults.ts'
import type { Route } from './model.ts'
import type { RawFrontend, RawRoute } from './schema.ts'
import { durationOf, sizeOf } from './settle-check.ts'
import type { Loose, Site } from './site.ts'
import type { Path } from './tree.ts'
import { readHost, readPath } from './values.ts'

type LooseRoute = Loose<RawRoute>

/** The route as the other rooms want it; none where it leads nowhere, which is reported. */
export function settleRoute(raw: LooseRoute, path: Path, site: Site): readonly Route[] {
  const host = hostOf(raw.host)
  const prefix = pathOf(raw.path)
  const ways = (['to', 'redirect', 'refuse'] as const).filter((key) => site.has([...path, key]))
  if (ways.length === 0) {
    const remedy = 'add `to` with the name of a service'
    site.fault(path, 'this route leads nowhere', remedy, { absence: true })
    return []
  }
  if (ways.length > 1) {
    const message = `\`${ways[1]}\` cannot stand beside \`${ways[0]}\``
    site.fault([...path, ways[1] as string], message, 'keep one of the two', { at: 'key' })
  }
  if (raw.exact === true && prefix === undefined) {
    site.fault([...path, 'exact'], '`exact` needs a `path`', 'add it', { at: 'key' })
  }
  const rules = rulesOf(raw, prefix, path, site)
  if (raw.to === undefined && rules.reply === undefined) return []
  const isPlain = Object.keys(rules).length === 0
  return [{ host, path: prefix, to: raw.to, ...(isPlain ? {} : { rules }) }]
}

function rulesOf(raw: LooseRoute, prefix: string | undefined, path: Path, site: Site): RouteRules {
  const ends = given(raw.path_end)
  const methods = given(raw.methods)
  const fields = Object.entries(raw.headers ?? {}).map(([name, value]) => fieldMatch(name, value))
  const reply = replyOf(raw, [...path, 'redirect'], site)
  const strip = raw.strip_prefix === true ? prefix : stripOf(raw.strip_prefix)
  if (raw.strip_prefix === true && prefix === undefined) {
    site.fault([...path, 'strip_prefix'], 'there is no `path` to strip', 'name the prefix itself')
  }
  const prepend = pathOf(raw.add_prefix)
  return {
    ...(methods === undefined ? {} : { methods }),
    ...(fields.length === 0 ? {} : { fields }),
    ...(raw.exact === true ? { exact: true } : {}),
    ...(ends === undefined ? {} : { ends }),
    ...(reply === undefined ? {} : { reply }),
    ...(strip === undefined ? {} : { strip }),
    ...(prepend === undefined || prepend === '/' ? {} : { prepend }),
    ...canaryOf(raw.canary, [...path, 'canary'], site),
    ...settleRequestRules(raw),
  }
}

const given = <T>(list: readonly (T | undefined)[] | undefined): readonly T[] | undefined =>
  list?.filter((one) => one !== undefined)

function stripOf(raw: string | boolean | undefined): string | undefined {
  return typeof raw === 'string' ? pathOf(raw) : undefined
}

function fieldMatch(written: string, value: string | boolean | undefined): FieldMatch {
  const name = written.toLowerCase()
  if (typeof value !== 'string') {
    return { name, how: value === false ? 'absent' : 'present', value: '' }
  }
  if (value.endsWith('*')) return { name, how: 'begins', value: value.slice(0, -1) }
  if (value.startsWith('*')) return { name, how: 'ends', value: value.slice(1) }
  return { name, how: 'is', value }
}

function replyOf(raw: LooseRoute, path: Path, site: Site): Reply | undefined {
  if (raw.refuse !== undefined) return { kind: 'refuse', status: raw.refuse }
  const { redirect } = raw
  if (redirect === undefined) return undefined
  const status = 308
  if (redirect === 'https') return { kind: 'redirect', status, how: 'scheme', to: 'https' }
  if (typeof redirect === 'string') return { kind: 'redirect', status, how: 'at', to: redirect }
  const { to, under, scheme, code = status } = redirect
  const ways = [to, under, scheme].filter((way) => way !== undefined)
  if (ways.length !== 1) {
    site.fault(path, 'a redirect has one of `to`, `under` and `scheme`', 'keep or add one')
  }
  const way = { kind: 'redirect', status: code as 301 } as const
  if (to !== undefined) return { ...way, how: 'at', to }
  return under === undefined
    ? { ...way, how: 'scheme', to: scheme ?? 'https' }
    : { ...way, how: 'under', to: under }
}

function canaryOf(raw: LooseRoute['canary'], path: Path, site: Site): Pick<RouteRules, 'canary'> {
  if (raw?.to === undefined || raw.share === undefined) return {}
  const [field, ...more] = Object.entries(raw.header ?? {})
  if (more.length > 0) site.fault([...path, 'header'], 'one field is enough', 'leave one out')
  const share = Number(raw.share.slice(0, -1)) / 100
  return {
    canary: {
      pool: raw.to,
      share,
      ...(field === undefined
        ? {}
        : { field: { name: field[0].toLowerCase(), value: field[1] ?? '' } }),
      ...(raw.cookie === undefined ? {} : { cookie: raw.cookie }),
    },
  }
}

/** What a frontend may say for all of its routes too. */
export function settleRequestRules(
  raw: Pick<Loose<RawFrontend>, 'request_headers' | 'response_headers' | 'max_body'>,
): Pick<RouteRules, 'request' | 'answer' | 'bodyMost'> {
  const request = editOf(raw.request_headers)
  const answer = editOf(raw.response_headers)
  return {
    ...(request === undefined ? {} : { request }),
    ...(answer === undefined ? {} : { answer }),
    ...(raw.max_body === undefined ? {} : { bodyMost: sizeOf(raw.max_body, '1MiB') }),
  }
}

function editOf(raw: Loose<RawFrontend>['request_headers']): FieldEdit | undefined {
  if (raw === undefined) return undefined
  const set = Object.entries(raw.set ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  )
  return { remove: (given(raw.remove) ?? []).map((name) => name.toLowerCase()), set }
}

/** The rules of a frontend and of one of its routes together; the route's win. */
export function joinRules(
  all: RouteRules | undefined,
  own: RouteRules | undefined,
): RouteRules | undefined {
  if (all === undefined || own === undefined) return own ?? all
  const request = joinEdits(all.request, own.request)
  const answer = joinEdits(all.answer, own.answer)
  return {
    ...all,
    ...own,
    ...(request === undefined ? {} : { request }),
    ...(answer === undefined ? {} : { answer }),
  }
}

function joinEdits(all: FieldEdit | undefined, own: FieldEdit | undefined): FieldEdit | undefined {
  if (all === undefined || own === undefined) return own ?? all
  const names = new Set([...own.remove, ...own.set.map(([name]) => name.toLowerCase())])
  return {
    remove: [...new Set([...all.remove, ...own.remove])],
    set: [...all.set.filter(([name]) => !names.has(name.toLowerCase())), ...own.set],
  }
}

/** What `maintenance` comes to: what holds while it is on, and whether the file says that it is. */
export function settleMaintenance(
  raw: Loose<RawFrontend>['maintenance'],
  readPage: (file: string) => string | undefined,
): { readonly maintenance?: Maintenance & { readonly on: boolean } } {
  if (raw === undefined || raw === false) return {}
  const long = raw === true ? {} : raw
  const page = long.page === undefined ? undefined : readPage(long.page)
  return {
    maintenance: {
      on: long.on ?? true,
      retryAfterSeconds: Math.ceil(durationOf(long.retry_after, defaults.maintenanceRetry) / 1000),
      allow: given(long.allow) ?? [],
      ...(page === undefined ? {} : { page }),
    },
  }
}

export function hostOf(text: string | undefined): string | undefined {
  const host = text === undefined ? undefined : readHost(text)
  return host?.ok ? host.value : undefined
}

export function pathOf(text: string | undefined): string | undefined {
  const path = text === undefined ? undefined : readPath(text)
  return path?.ok ? path.value : undefined
}
