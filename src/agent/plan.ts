// What would applying a file do? The sentences of a dry run, from the state before and after. Pure.

import type { Spec } from '../spec/model.ts'
import { planDatabases } from './database-plan.ts'
import type { AgentState } from './model.ts'

/** A file, and what is remembered of its services once it is wished for. */
interface Side {
  readonly spec: Spec
  readonly services: AgentState['services']
}

/** One sentence for each thing that will be done, in the order in which it begins. */
export const planOf = (before: Side, after: Side): readonly string[] => [
  ...listening(before.spec, after.spec),
  ...planDatabases(before.spec, after.spec),
  ...Object.keys(after.services).flatMap((name) =>
    servicePlan(name, wishOf(before, name), wishOf(after, name)),
  ),
  ...routing(before.spec, after.spec),
  ...carrying(before.spec, after.spec),
]

interface Wish {
  readonly revision: number
  /** Of several machines: on all of them together. What this one is to run is only its share. */
  readonly replicas: number
}

function wishOf({ spec, services }: Side, name: string): Wish | undefined {
  const state = services[name]?.state
  const service = spec.services[name]
  const replicas = service?.kind === 'run' ? service.replicas : state?.replicas
  return state && { revision: state.revision, replicas: replicas ?? 0 }
}

function servicePlan(
  name: string,
  from: Wish | undefined,
  to: Wish | undefined,
): readonly string[] {
  if (to === undefined) return []
  if (from === undefined || from.replicas === 0) {
    return to.replicas === 0 ? [] : [`start ${count(to.replicas, 'replica')} of ${name}`]
  }
  if (to.replicas === 0) {
    return [`send nothing new to ${name}, then stop its ${count(from.replicas, 'replica')}`]
  }
  const plan: string[] = []
  if (to.revision !== from.revision) {
    plan.push(
      `exchange the ${count(to.replicas, 'replica')} of ${name} for revision ${to.revision}, ` +
        'one after another, each once it passes its check',
    )
  }
  const more = to.replicas - from.replicas
  if (more > 0) plan.push(`start ${count(more, 'more replica')} of ${name}`)
  if (more < 0) plan.push(`drain and stop ${count(-more, 'replica')} of ${name}`)
  return plan
}

const count = (number: number, noun: string): string =>
  `${number} ${noun}${number === 1 ? '' : 's'}`

const bindsOf = (spec: Spec): readonly string[] => [
  ...Object.values(spec.frontends).flatMap(({ name, binds }) =>
    binds.map(({ host, port }) => `${host}:${port} (${name})`),
  ),
  ...Object.values(spec.databases).flatMap(({ name, bind: { write, read } }) => [
    `${write.host}:${write.port} (${name}, to write)`,
    ...(read === undefined ? [] : [`${read.host}:${read.port} (${name}, to read)`]),
  ]),
]

function listening(before: Spec, after: Spec): readonly string[] {
  const [old, fresh] = [bindsOf(before), bindsOf(after)]
  return [
    ...fresh.filter((bind) => !old.includes(bind)).map((bind) => `listen on ${bind}`),
    ...old.filter((bind) => !fresh.includes(bind)).map((bind) => `stop listening on ${bind}`),
  ]
}

/** Edges are processes: they are started, or end with what they have. */
function carrying(before: Spec, after: Spec): readonly string[] {
  const edgesOf = ({ frontends, edges }: Spec): number =>
    Object.keys(frontends).length === 0 ? 0 : edges
  const [old, fresh] = [edgesOf(before), edgesOf(after)]
  if (old === 0 || fresh === 0 || old === fresh) return []
  const more = fresh - old
  return more > 0
    ? [`start ${count(more, 'more edge')}: ${fresh} carry the traffic`]
    : [`let ${count(-more, 'edge')} finish and end: ${fresh} carry the traffic`]
}

/** Whether anything the edges route by differs, apart from where they listen. */
function routing(before: Spec, after: Spec): readonly string[] {
  const routed = (spec: Spec): string =>
    JSON.stringify([
      Object.values(spec.frontends).map(({ binds: _, ...frontend }) => frontend),
      Object.values(spec.services).map((service) => [
        service.name,
        service.balance,
        service.slowStart,
        service.sendProxy,
        service.sticky,
        service.maintenance,
        service.tls,
        service.protocol,
        service.hold,
        service.connectTimeout,
        service.responseTimeout,
        service.hedge,
        service.keptBodies,
        service.check,
        service.kind === 'servers' ? service.servers : service.maxConnections,
      ]),
    ])
  const first = Object.keys(before.frontends).length === 0
  if (first || routed(before) === routed(after)) return []
  return ['route by the new file; no open connection is closed']
}
