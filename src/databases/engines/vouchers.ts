// Who asks the servers of an engine which of their replicas follow? Loaded by a guard only when its
// agent is silent.

import type { FindVouchers } from '../engine.ts'

/** The way of one engine. Rejects for an engine that there is none for. */
export async function voucherOf(engine: string): Promise<FindVouchers> {
  if (engine === 'postgresql') return (await import('./postgresql/vouch.ts')).findPostgresVouchers
  if (engine === 'mariadb') return (await import('./mariadb/vouch.ts')).findMariadbVouchers
  throw new Error(`nobody can vouch for ${engine}`)
}
