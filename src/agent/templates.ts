// Which part of a service makes a replica what it is? A change of it is a new revision. Pure.

import { isDeepStrictEqual } from 'node:util'
import type { Instant } from '../foundation/time.ts'
import type { RunTemplate } from '../services/model.ts'
import { newService, wish } from '../services/state.ts'
import type { RunService, Spec } from '../spec/model.ts'
import type { RolledBack, ServiceMemory } from './model.ts'

/** The template of a service's replicas. */
export const templateOf = (service: RunService): RunTemplate => ({
  argv: service.argv,
  cwd: service.cwd,
  env: service.env,
  secrets: service.secrets.toSorted(),
  stopSignal: service.stopSignal,
  stopWithin: service.stopWithin,
  restart: service.restart,
  logs: service.logs,
})

/**
 * What is remembered of the services once `spec` is wished for. A template equal to the one that
 * runs, or to the one that was just rolled back, is no reason to deploy. `former` holds the highest
 * revision of services that were there before.
 */
export function wishSpec(
  memories: Readonly<Record<string, ServiceMemory>>,
  spec: Spec,
  now: Instant,
  former: Readonly<Record<string, number>> = {},
): Readonly<Record<string, ServiceMemory>> {
  const next: Record<string, ServiceMemory> = {}
  for (const service of Object.values(spec.services)) {
    if (service.kind !== 'run') continue
    const { name } = service
    const fresh = { ...newService(name), latest: former[name] ?? 0 }
    next[name] = wishService(memories[name] ?? { state: fresh, templates: {} }, service, now)
  }
  for (const [name, memory] of Object.entries(memories)) {
    if (next[name] !== undefined) continue
    const gone = wish(memory.state, { kind: 'run', replicas: 0, changed: false }, now)
    next[name] = { ...memory, state: gone }
  }
  return next
}

/** What `spec` asks for and `wished` does not deploy, because it was rolled back before. */
export const stillRolledBack = (
  wished: Readonly<Record<string, ServiceMemory>>,
  spec: Spec,
): readonly RolledBack[] =>
  Object.values(spec.services).flatMap(({ kind, name }): readonly RolledBack[] => {
    const { rolledBack, revision: stays = 0 } = wished[name]?.state ?? {}
    if (kind !== 'run' || rolledBack === undefined) return []
    return [{ service: name, revision: rolledBack.revision, why: rolledBack.why, stays }]
  })

function wishService(
  { state, templates }: ServiceMemory,
  service: RunService,
  now: Instant,
): ServiceMemory {
  const template = templateOf(service)
  const equals = (revision: number | undefined): boolean =>
    revision !== undefined && isDeepStrictEqual(templates[revision], template)
  const runs = equals(state.revision)
  const changed = !runs && !equals(state.rolledBack?.revision)
  const asked = wish(state, { kind: 'run', replicas: service.replicas, changed }, now)
  const wished = runs ? { ...asked, rolledBack: undefined } : asked
  if (wished.revision === state.revision) return { state: wished, templates }
  return { state: wished, templates: { ...templates, [wished.revision]: template } }
}

/**
 * The memories, with one for each service that runs although nothing is remembered of it: its state
 * was lost. What runs keeps its number, and whatever is wished for next gets a higher one.
 */
export function rememberRunning(
  memories: Readonly<Record<string, ServiceMemory>>,
  running: readonly { readonly service: string; readonly revision: number }[],
): Readonly<Record<string, ServiceMemory>> {
  const next: Record<string, ServiceMemory> = { ...memories }
  for (const { service, revision } of running) {
    const state = next[service]?.state ?? newService(service)
    if (state.latest >= revision) continue
    const templates = next[service]?.templates ?? {}
    // A revision whose template is lost could not be started again: it is wanted only for lack of
    // another.
    const wanted = templates[state.revision] === undefined ? revision : state.revision
    next[service] = { templates, state: { ...state, revision: wanted, latest: revision } }
  }
  return next
}

/** The memory without templates that nothing refers to any more. */
export function forgetTemplates(
  memory: ServiceMemory,
  running: ReadonlySet<number>,
): ServiceMemory {
  const { state } = memory
  const needed = new Set([state.revision, state.stable, state.rolledBack?.revision, ...running])
  const kept = Object.entries(memory.templates).filter(([revision]) => needed.has(Number(revision)))
  if (kept.length === Object.keys(memory.templates).length) return memory
  return { state, templates: Object.fromEntries(kept) }
}
