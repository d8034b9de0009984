// What do the keys for those who watch come to, once short forms are written out?

import { dirname, resolve as resolvePath } from 'node:path'
import type { TableTelling } from '../balancing/model.ts'
import { defaults } from './defaults.ts'
import type { AccessLog, StatsSocket } from './model.ts'
import type { RawFrontend } from './schema.ts'
import { sizeOf } from './settle-check.ts'
import type { Loose, LooseFile, Site } from './site.ts'
import { type Address, readBind } from './values.ts'

/** Where metrics are answered; `undefined`: nowhere. */
export function settleMetrics(raw: LooseFile['metrics']): Address | undefined {
  const text = typeof raw === 'string' ? raw : raw?.bind
  const read = text === undefined ? undefined : readBind(text)
  return read?.ok ? read.value : undefined
}

/** Where HAProxy's words are answered; `undefined`: nowhere. */
export function settleStatsSocket(
  raw: LooseFile['stats_socket'],
  site: Site,
): StatsSocket | undefined {
  const path = typeof raw === 'string' ? raw : raw?.path
  if (path === undefined) return undefined
  const absolute = resolvePath(dirname(site.file), path)
  if (Buffer.byteLength(absolute) > socketPathMost) {
    const at = typeof raw === 'string' ? ['stats_socket'] : ['stats_socket', 'path']
    site.fault(
      at,
      `the path of a socket has at most ${socketPathMost} bytes, this one has ` +
        `${Buffer.byteLength(absolute)} from the root`,
      'choose a shorter one, such as `/run/shop.sock`',
    )
    return undefined
  }
  const mode = (typeof raw === 'object' ? raw.mode : undefined) ?? defaults.statsSocketMode
  return { path: absolute, mode: Number.parseInt(mode, 8) }
}

/** What the log of a frontend is called among those of the replicas. */
export const accessLogId = (frontend: string): string => `access-${frontend}`

/** What a frontend logs of its requests; `undefined`: nothing. */
export function settleAccessLog(
  frontend: string,
  raw: Loose<RawFrontend>['access_log'],
  site: Site,
): AccessLog | undefined {
  if (raw === undefined) return undefined
  const long = typeof raw === 'string' ? { file: raw } : raw
  const { only, sample, query, size, keep } = defaults.accessLog
  const toStdout = long.file === 'stdout'
  return {
    toStdout,
    path:
      long.file === undefined || toStdout
        ? `${accessLogId(frontend)}.log`
        : resolvePath(dirname(site.file), long.file),
    only: ('only' in long ? long.only : undefined) ?? only,
    sample: ('sample' in long ? long.sample : undefined) ?? sample,
    query: ('query' in long ? long.query : undefined) ?? query,
    size: sizeOf('size' in long ? long.size : undefined, size),
    keep: ('keep' in long ? long.keep : undefined) ?? keep,
  }
}

/** What a frontend tells its servers; `undefined`: the usual. */
export function settleTelling({
  forwarded,
  tracing,
}: Loose<RawFrontend>): TableTelling | undefined {
  if (forwarded === undefined && tracing === undefined) return undefined
  const { as, requestId } = defaults.forwarded
  return {
    as: forwarded?.as ?? as,
    ...(forwarded?.trust === undefined
      ? {}
      : { trust: forwarded.trust.flatMap((network) => network ?? []) }),
    ...(forwarded?.via === undefined ? {} : { via: forwarded.via }),
    requestId: forwarded?.request_id ?? requestId,
    ...(tracing === undefined
      ? {}
      : { tracing: { sample: tracing.sample ?? defaults.tracing.sample } }),
  }
}

/** `sun_path` of unix(7), less its end. */
const socketPathMost = 107
