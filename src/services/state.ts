// How the state of a service moves: by a wish of the operator, or by an action decided. Pure.

import { unreachable } from '../foundation/invariant.ts'
import type { Instant } from '../foundation/time.ts'
import type { ServiceAction, ServiceState } from './model.ts'

/** What the operator asks of a service. */
export type Wish =
  /** Run this many; a changed template is a new revision. Zero: no longer in the file. */
  | { readonly kind: 'run'; readonly replicas: number; readonly changed: boolean }
  /** Exchange every replica for one of a new revision, even if nothing was changed. */
  | { readonly kind: 'deploy' }
  /** Exchange these replicas for fresh ones of the same revision. */
  | { readonly kind: 'replace'; readonly replicas: readonly string[] }

/** A service nobody has asked for yet. */
export const newService = (service: string): ServiceState => ({
  service,
  replicas: 0,
  revision: 0,
  latest: 0,
  stable: undefined,
  deploy: undefined,
  rolledBack: undefined,
  draining: {},
  replace: [],
})

/** The state after a wish. */
export function wish(state: ServiceState, wanted: Wish, now: Instant): ServiceState {
  switch (wanted.kind) {
    case 'run': {
      const scaled = { ...state, replicas: wanted.replicas }
      const first = state.revision === 0 && wanted.replicas > 0
      return wanted.changed || first ? deploying(scaled, now) : scaled
    }
    case 'deploy':
      return deploying(state, now)
    case 'replace':
      return { ...state, replace: [...new Set([...state.replace, ...wanted.replicas])] }
    default:
      return unreachable(wanted)
  }
}

const deploying = (state: ServiceState, now: Instant): ServiceState => ({
  ...state,
  revision: state.latest + 1,
  latest: state.latest + 1,
  deploy: { since: now },
  rolledBack: undefined,
})

/** The state after an action was decided; its effect on the processes is seen, not assumed. */
export function enact(state: ServiceState, action: ServiceAction, now: Instant): ServiceState {
  switch (action.kind) {
    case 'start':
      return state
    case 'drain':
      return { ...state, draining: { ...state.draining, [action.replica]: now } }
    case 'stop':
      return state
    case 'roll-back':
      return {
        ...state,
        revision: action.to,
        deploy: undefined,
        rolledBack: { revision: state.revision, at: now, why: action.why },
      }
    case 'settle':
      return { ...state, stable: action.revision, deploy: undefined }
    default:
      return unreachable(action)
  }
}

/** Forgets what was remembered of replicas that no longer exist. */
export function forgetGone(state: ServiceState, existing: ReadonlySet<string>): ServiceState {
  const draining = Object.entries(state.draining).filter(([id]) => existing.has(id))
  const replace = state.replace.filter((id) => existing.has(id))
  const same =
    draining.length === Object.keys(state.draining).length &&
    replace.length === state.replace.length
  return same ? state : { ...state, draining: Object.fromEntries(draining), replace }
}
