// On which history is a member of MariaDB or MySQL? Each restore in place begins another one.

import { ownDatabase } from './kin.ts'
import { errnoOf, errors, type Session } from './session.ts'

/** The same for all members that are on it. */
export async function historyName(session: Session, signal: AbortSignal): Promise<string> {
  const { id } = await session.one(`SELECT id FROM ${ownDatabase}.identity`, signal)
  return `${id}-${await restoresOf(session, signal)}`
}

async function restoresOf(session: Session, signal: AbortSignal): Promise<string> {
  try {
    // Two that undo each other are made of the same data, and have as many rows here.
    const { n, last } = await session.one(
      `SELECT COUNT(*) AS n, UNIX_TIMESTAMP(MAX(at)) AS last FROM ${ownDatabase}.restored`,
      signal,
    )
    return last === null ? String(n) : `${n}-${last}`
  } catch (thrown) {
    if (errnoOf(thrown) === errors.noSuchTable) return '0'
    throw thrown
  }
}
