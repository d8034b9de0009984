// Who asks the servers of an engine which of their replicas follow? Loaded by a guard only when its
// agent is silent.

import type { FindVouchers } from '../engine.ts'

/** The way of one engine. Rejects for an engine that there is none for. */
export async function voucherOf(engine: string): Promise<FindVouchers> {
  if (engine === 'postgresql') return (await import('./postgresql/vouch.ts')).findPostgresVouchers
  if (engine === 'mariadb') return await mariadb()
  if (engine === 'mysql') return await mysql()
  throw new Error(`nobody can vouch for ${engine}`)
}

async function mariadb(): Promise<FindVouchers> {
  const { vouchersBy } = await import('./mysql-kin/vouch.ts')
  return vouchersBy((await import('./mariadb/kin.ts')).mariadb)
}

async function mysql(): Promise<FindVouchers> {
  const { vouchersBy } = await import('./mysql-kin/vouch.ts')
  return vouchersBy((await import('./mysql/kin.ts')).mysql)
}
