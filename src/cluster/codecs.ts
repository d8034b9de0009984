// How the cluster's documents stand in their nodes, and what is refused of what stands there.

import type { Codec } from '../coordination/recipes/documents.ts'
import { json } from '../coordination/recipes/documents.ts'
import { Fault } from '../foundation/fault.ts'
import type { AppliedDocument, MemberCard, Orders, Placement, RunReport } from './model.ts'

/** Where everything stands, below the cluster's own root. */
export const places = {
  members: '/members',
  runs: '/runs',
  applied: '/applied',
  orders: '/orders',
  placement: '/placement',
  leader: '/leader',
} as const

type Kind = 'string' | 'number' | 'boolean' | 'object'

/** Values that have these fields; others that a newer version writes are kept. */
function withFields<T extends object>(
  what: string,
  fields: Readonly<Record<string, Kind>>,
): Codec<T> {
  return json((value) => {
    const record = value as Readonly<Record<string, unknown>> | null
    const wrong =
      typeof record === 'object' && record !== null
        ? Object.entries(fields).find(([name, kind]) => typeof record[name] !== kind)?.[0]
        : 'everything'
    if (wrong === undefined) return value as T
    throw new Fault('corrupt', `this is no ${what}: ${wrong} is not as it should be`, {
      remedy: 'was it written by another version, or by something else?',
    })
  })
}

export const cardCodec = withFields<MemberCard>('card of a member', {
  incarnation: 'string',
  version: 'string',
  address: 'string',
  door: 'number',
  applied: 'number',
  since: 'number',
})

export const reportCodec = withFields<RunReport>('report of a machine', {
  serial: 'number',
  replicas: 'object',
  placement: 'number',
  heard: 'object',
  active: 'object',
})

export const appliedCodec = withFields<AppliedDocument>('applied file', {
  text: 'string',
  name: 'string',
  env: 'object',
  by: 'string',
  at: 'number',
})

export const ordersCodec = withFields<Orders>('list of orders', {
  drainedMachines: 'object',
  drainedServers: 'object',
  deploys: 'object',
  restarts: 'object',
})

export const placementCodec = withFields<Placement>('placement', {
  epoch: 'number',
  by: 'string',
  applied: 'number',
  shares: 'object',
})

export const noOrders: Orders = {
  drainedMachines: [],
  drainedServers: [],
  deploys: {},
  restarts: {},
}
