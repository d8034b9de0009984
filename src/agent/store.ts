// What the next agent needs, on disk: written whole or not at all, and never in a form that this
// version does not understand.

import { readWhole, writeWhole } from '../control/whole-file.ts'
import { Fault } from '../foundation/fault.ts'
import type { AgentState } from './model.ts'

/** The port: keeps the agent's state between two lives. */
export interface StateStore {
  /** `undefined` when nothing was ever kept. */
  load(): AgentState | undefined
  save(state: AgentState): void
}

/** The number of the form that this version writes. */
export const stateFormat = 1

/**
 * How a state of an older form becomes the next one: entry `n` makes form `n + 1` of form `n`. A
 * change of `AgentState` adds an entry here and a file of the old form to the tests.
 */
export const migrations: Readonly<Record<number, (old: object) => object>> = {}

/** The state before anything was applied. */
export const emptyState: AgentState = {
  applied: undefined,
  services: {},
  former: {},
  drained: [],
  up: [],
  table: 0,
}

/** Which forms can be read: the present one, and the way to it from older ones. */
export interface Forms {
  readonly present: number
  readonly migrations: Readonly<Record<number, (old: object) => object>>
}

/** Reads a state of the present form or an older one; throws a Fault for anything else. */
export function parseState(
  text: string,
  path: string,
  forms: Forms = { present: stateFormat, migrations },
): AgentState {
  let kept: { format?: unknown; state?: unknown }
  try {
    kept = JSON.parse(text) as typeof kept
  } catch (cause) {
    throw new Fault('corrupt', `the state in ${path} is not readable`, {
      cause,
      remedy: `move ${path} away: what runs is then found by its guards and edges`,
    })
  }
  const { format } = kept ?? {}
  if (typeof format !== 'number' || typeof kept.state !== 'object' || kept.state === null) {
    throw new Fault('corrupt', `the state in ${path} has no format`, {
      remedy: `move ${path} away: what runs is then found by its guards and edges`,
    })
  }
  let state: object = kept.state
  for (let version = format; version !== forms.present; version += 1) {
    const migrate = forms.migrations[version]
    if (migrate === undefined) {
      const found = `the state in ${path} has format ${format}`
      throw new Fault('incompatible', `${found}, this version reads ${forms.present}`, {
        remedy: 'start the version that wrote it, or a newer one; what runs goes on meanwhile',
      })
    }
    state = migrate(state)
  }
  return { ...emptyState, ...state }
}

/** Keeps the state in a file that this user alone can read. */
export function openStore(path: string): StateStore {
  return {
    load() {
      const text = readWhole(path)
      return text === undefined ? undefined : parseState(text, path)
    },
    save: (state) => writeWhole(path, JSON.stringify({ format: stateFormat, state })),
  }
}
