// Which settings may a standby not have less of than its primary had? Its server would not start.
// Pure.

import type { ControlFile } from './control-file.ts'

/** By name, what a server has that its file says nothing of (hot standby docs, 27.4.3). */
export const standbyDefaults: Readonly<Record<keyof ControlFile['least'], number>> = {
  max_connections: 100,
  max_worker_processes: 8,
  max_wal_senders: 32,
  max_prepared_transactions: 0,
  max_locks_per_transaction: 64,
}

/** Those of `settings` that have to stay as high as they were when the log was written. */
export function heldAt(
  settings: Readonly<Record<string, string>>,
  least: ControlFile['least'] | undefined,
): Readonly<Record<string, string>> {
  if (least === undefined) return {}
  const names = Object.keys(standbyDefaults) as readonly (keyof ControlFile['least'])[]
  const held = names.filter((name) => {
    const wanted = settings[name] === undefined ? standbyDefaults[name] : Number(settings[name])
    return wanted < least[name]
  })
  return Object.fromEntries(held.map((name) => [name, String(least[name])]))
}
