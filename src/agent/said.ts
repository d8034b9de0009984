// What has an operator said of a server beside the file? Weight, address, limit, maintenance: it
// holds until it is taken back, also for the next agent, and the status shows it. Pure.

import type { TableServer } from '../balancing/model.ts'
import { Fault } from '../foundation/fault.ts'
import type { AgentState, ServerWord } from './model.ts'
import type { World } from './world.ts'

/** What was said of a server. */
export const wordOn = ({ said }: AgentState, id: string): ServerWord => said?.[id] ?? {}

/** Says more of a server; `undefined` takes back what was said before. */
export function say(world: World, id: string, more: Partial<ServerWord>): AgentState {
  const { [id]: before, ...others } = world.state.said ?? {}
  const word = Object.fromEntries(
    Object.entries({ ...before, ...more }).filter(([, value]) => value !== undefined),
  )
  const said = Object.keys(word).length === 0 ? others : { ...others, [id]: word }
  return { ...world.state, said }
}

/** Another weight than the file gives it; that of the file takes back what was said. */
export function weigh(world: World, id: string, weight: number): AgentState {
  const servers = Object.values(world.spec.services).flatMap((service) =>
    service.kind === 'servers' ? service.servers : [],
  )
  const inFile = servers.find((one) => one.id === id)?.weight ?? 1
  return say(world, id, { weight: weight === inFile ? undefined : weight })
}

/** Another address for a server that something else runs. */
export function move(world: World, id: string, host: string, port: number): AgentState {
  for (const service of Object.values(world.spec.services)) {
    if (service.kind !== 'servers') continue
    const server = service.servers.find((one) => one.id === id)
    if (server === undefined) continue
    const isBack = server.host === host && server.port === port
    return say(world, id, isBack ? { host: undefined, port: undefined } : { host, port })
  }
  throw new Fault('unsupported', `Always On runs ${id}, and gives it its address`)
}

/** Takes nothing new, or takes requests as its health allows; what runs on it ends there. */
export function tell(world: World, id: string, state: 'ready' | 'drain' | 'maint'): AgentState {
  const maintenance = state === 'maint' ? true : undefined
  const next = say(world, id, { maintenance })
  const others = next.drained.filter((one) => one !== id)
  return { ...next, drained: state === 'drain' ? [...others, id] : others }
}

/** Another bound for the connections of a frontend. */
export const limitFrontend = ({ state }: World, name: string, most: number): AgentState => ({
  ...state,
  saidOfFrontends: { ...state.saidOfFrontends, [name]: most },
})

/** A row of the table with what was said of it; `share` is one edge's part of a bound. */
export function withWord(
  row: TableServer,
  word: ServerWord,
  inFile: number,
  share: (bound: number) => number,
): TableServer {
  if (Object.keys(word).length === 0) return row
  const { weight, host, port, maxConnections, maintenance } = word
  return {
    ...row,
    ...(weight === undefined ? {} : { weight: (row.weight / (inFile || 1)) * weight }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(maxConnections === undefined
      ? {}
      : { maxConnections: maxConnections === 0 ? undefined : share(maxConnections) }),
    ...(maintenance === true && row.state === 'up' ? { state: 'draining' as const } : {}),
  }
}

/** What was said of a server, for people; empty when nothing was. */
export function describeWord({
  weight,
  host,
  port,
  maxConnections,
  maintenance,
}: ServerWord): string {
  const parts = [
    ...(maintenance === true ? ['it is in maintenance'] : []),
    ...(weight === undefined ? [] : [`its weight is ${weight}`]),
    ...(host === undefined ? [] : [`it is at ${host}:${port}`]),
    ...(maxConnections === undefined ? [] : [`it takes ${maxConnections} at once`]),
  ]
  return parts.length === 0 ? '' : `an operator said: ${parts.join(', ')}`
}

/** Forgets what was said of servers and frontends that are no more. */
export function forgetSaid(
  state: AgentState,
  servers: ReadonlySet<string>,
  frontends: Readonly<Record<string, unknown>>,
): AgentState {
  const gone = Object.keys(state.said ?? {}).some((id) => !servers.has(id))
  const closed = Object.keys(state.saidOfFrontends ?? {}).some((name) => !(name in frontends))
  if (!gone && !closed) return state
  const kept = <T>(all: Readonly<Record<string, T>> = {}, has: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => has(name)))
  return {
    ...state,
    said: kept(state.said, (id) => servers.has(id)),
    saidOfFrontends: kept(state.saidOfFrontends, (name) => name in frontends),
  }
}
