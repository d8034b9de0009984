// What is wanted, all told? From the checked values of the file to the spec, and what must agree
// across its parts.

import { basename, dirname, resolve as resolvePath } from 'node:path'
import { agree } from './agree.ts'
import { agreeOnEnsemble } from './agree-cluster.ts'
import { agreeOnDatabases } from './agree-databases.ts'
import { defaults } from './defaults.ts'
import type { Frontend, Service, Spec } from './model.ts'
import { settleCoordination, settleMachine } from './settle-cluster.ts'
import { settleDatabases } from './settle-databases.ts'
import { settleFrontend } from './settle-frontend.ts'
import { settleMetrics, settleStatsSocket } from './settle-observe.ts'
import { settleService } from './settle-service.ts'
import type { LooseFile, Site } from './site.ts'
import { formatPath } from './tree.ts'

/** The spec; faults of meaning are reported, and stand-ins take the place of what was faulty. */
export function settle(raw: LooseFile, site: Site): Spec {
  const services = mapValues(
    raw.services,
    (name, service): Service => settleService(name, service ?? {}, site),
  )
  const frontends = mapValues(
    raw.frontends,
    (name, frontend): Frontend => settleFrontend(name, frontend ?? {}, site),
  )
  const machines = mapValues(raw.machines, settleMachine)
  const name = raw.name ?? nameOfFolder(site.file)
  const metrics = settleMetrics(raw.metrics)
  const statsSocket = settleStatsSocket(raw.stats_socket, site)
  const coordination = settleCoordination(raw.coordination, name, machines, site)
  const around = { name, machines, frontends, coordination, ...(metrics && { metrics }) }
  const spec: Spec = {
    name,
    ...(metrics === undefined ? {} : { metrics }),
    ...(statsSocket === undefined ? {} : { statsSocket }),
    machines,
    coordination,
    services,
    frontends,
    databases: settleDatabases(raw.databases, around, site),
    edges: raw.edges ?? Math.max(site.cores, defaults.edgesLeast),
    written: Object.fromEntries(
      site.envUses.map((use) => [formatPath(use.path), site.shown(use.path)]),
    ),
  }
  agree(raw, spec, site)
  agreeOnEnsemble(spec, site)
  agreeOnDatabases(raw, spec, site)
  return spec
}

function mapValues<V, W>(
  record: Readonly<Record<string, V>> | undefined,
  map: (name: string, value: V) => W,
): Readonly<Record<string, W>> {
  return Object.fromEntries(
    Object.entries(record ?? {}).map(([name, value]) => [name, map(name, value)]),
  )
}

/** The folder's name, as far as it can be a name. */
function nameOfFolder(file: string): string {
  const folder = basename(dirname(resolvePath(file))).toLowerCase()
  const name = folder.replace(/[^a-z0-9_-]+/g, '-').replace(/^[^a-z]+|-+$/g, '')
  return name.slice(0, 40) || 'alwayson'
}
