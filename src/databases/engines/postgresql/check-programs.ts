// Could a member be started by the programs that its file names? Asked before anything is changed.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CheckPrograms } from '../../engine.ts'
import { findPrograms } from './programs.ts'

export const checkPostgresPrograms: CheckPrograms = async ({ home, data }) => {
  await findPrograms(home, majorOf(data))
}

/** The major version that made the data; `undefined` where there is none. */
export function majorOf(data: string): number | undefined {
  const version = join(data, 'PG_VERSION')
  return existsSync(version) ? Number.parseInt(readFileSync(version, 'utf8'), 10) : undefined
}
