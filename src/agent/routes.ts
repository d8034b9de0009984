// Which rows do the routes of a frontend come to, and who is closed for maintenance? Pure.

import type { Pool, TableRoute } from '../balancing/model.ts'
import type { Maintenance, Sticky } from '../balancing/routing/model.ts'
import type { Frontend, Service, Spec } from '../spec/model.ts'
import { routed } from '../spec/settle-balance.ts'
import { joinRules } from '../spec/settle-route.ts'
import type { AgentState } from './model.ts'
import { forgetSaid } from './said.ts'

/** The routes of a frontend, with the last one that takes what none before it does. */
export function rowsOf(spec: Spec, frontend: Frontend): readonly TableRoute[] {
  const last =
    frontend.to === undefined ? [] : [{ host: undefined, path: undefined, to: frontend.to }]
  const routes: Frontend['routes'] = [...frontend.routes, ...last]
  return routes.map(({ host, path, to, rules: own }) => {
    const balance = to === undefined ? undefined : spec.services[to]?.balance
    const rules = joinRules(frontend.rules, own)
    return {
      host,
      path,
      pool: to,
      ...routed(balance ?? frontend.balance),
      ...(rules === undefined ? {} : { rules }),
    }
  })
}

/** What an operator calls a frontend or a service; the section tells apart two of one name. */
export const closable = (
  section: 'frontends' | 'services',
  { name }: { readonly name: string },
): string => `${section}.${name}`

type Closable = Pick<Frontend | Service, 'name' | 'maintenance'>

/** Whether the file itself closes it. */
export const isClosedByFile = ({ maintenance }: Closable): boolean => maintenance?.on ?? false

/** What an operator said of it, where the file says otherwise. */
export function overruled(
  state: AgentState,
  section: 'frontends' | 'services',
  thing: Closable,
): 'open' | 'closed' | undefined {
  const word = state.maintenance?.[closable(section, thing)]
  if (word === undefined || word === isClosedByFile(thing)) return undefined
  return word ? 'closed' : 'open'
}

/** A sentence for all in `spec` that is not as it says because an operator said otherwise. */
export const overruledIn = (state: AgentState, { frontends, services }: Spec): readonly string[] =>
  [
    ...Object.values(frontends).map((one) => ['frontends', one] as const),
    ...Object.values(services).map((one) => ['services', one] as const),
  ].flatMap(([section, thing]) => {
    const word = overruled(state, section, thing)
    if (word === undefined) return []
    const name = closable(section, thing)
    const back = `alwayson maintenance ${word === 'open' ? 'on' : 'off'} ${name}`
    return [`${name} stays ${word}: an operator said so; ${back}`]
  })

/** What holds when nothing is said of it in the file. */
const plain: Maintenance & { readonly on?: boolean } = { retryAfterSeconds: 60, allow: [] }

/**
 * How a frontend or a service turns requests away; nothing while it does not. What an operator
 * said last wins over the file.
 */
export function maintenanceOf(
  state: AgentState,
  section: 'frontends' | 'services',
  thing: Closable,
): { readonly maintenance?: Maintenance } {
  const { on: _, ...said } = thing.maintenance ?? plain
  const isOn = state.maintenance?.[closable(section, thing)] ?? isClosedByFile(thing)
  return isOn ? { maintenance: said } : {}
}

/** Forgets what operators said of frontends, services and servers that are no more. */
export function forgetWords(state: AgentState, spec: Spec, pools: readonly Pool[]): AgentState {
  const known = new Set(pools.flatMap(({ servers }) => servers.map(({ id }) => id)))
  const drained = state.drained.filter((id) => known.has(id))
  const said = Object.entries(state.maintenance ?? {})
  const kept = said.filter(([key]) => {
    const [section = '', name = ''] = key.split('.')
    return (section === 'frontends' ? spec.frontends : spec.services)[name] !== undefined
  })
  const heard = forgetSaid(state, known, spec.frontends)
  if (drained.length === state.drained.length && kept.length === said.length) return heard
  return {
    ...heard,
    drained,
    ...(said.length === 0 ? {} : { maintenance: Object.fromEntries(kept) }),
  }
}

/** How clients of a service come back to their server. */
export function stickyOf({ sticky }: Service): { readonly sticky?: Sticky } {
  if (sticky === undefined) return {}
  const { keepWhileDraining: _, ...rest } = sticky
  return { sticky: rest }
}
