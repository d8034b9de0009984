// Whom is a member to follow, and is that a primary of the database it is of?

import { existsSync } from 'node:fs'
import { Fault } from '../../../foundation/fault.ts'
import type { MemberAddress, MemberOptions } from '../../engine.ts'
import { readMark } from './data-folder.ts'
import { ownDatabase } from './kin.ts'
import { errnoOf, errors, reached, Session } from './session.ts'

/** A session of the administrator at the primary that is to be followed. Rejects with a Fault. */
export async function openSource(
  { accounts: { admin }, tls }: MemberOptions,
  primary: MemberAddress,
  signal: AbortSignal,
): Promise<Session> {
  try {
    const session = await Session.open(reached(primary, tls), admin, signal)
    await session.query('SET SESSION sql_log_off = ON, slow_query_log = OFF', signal)
    return session
  } catch (cause) {
    signal.throwIfAborted()
    const isRefused = errnoOf(cause) !== undefined
    throw new Fault(
      isRefused ? 'refused' : 'unreachable',
      isRefused
        ? `${primary.member} does not let ${admin.user} in`
        : `${primary.member} does not answer at ${primary.host}:${primary.port}`,
      { cause, remedy: `see that ${primary.member} runs, and that all members have one file` },
    )
  }
}

/** Which database it serves; one that has never been promoted has no name yet. */
export async function identityOf(
  source: Session,
  primary: MemberAddress,
  signal: AbortSignal,
): Promise<string> {
  try {
    const { id } = await source.one(`SELECT id FROM ${ownDatabase}.identity`, signal)
    return String(id)
  } catch (thrown) {
    const number = errnoOf(thrown)
    if (number !== errors.noSuchTable && number !== errors.noSuchDatabase) throw thrown
    throw new Fault('refused', `${primary.member} has never been promoted`, {
      remedy: 'wait until it has been',
    })
  }
}

/** Data of another database are never replaced. */
export function assertSame(
  { data, member }: MemberOptions,
  identity: string,
  primary: MemberAddress,
): void {
  const own = existsSync(data) ? readMark(data)?.identity : undefined
  if (own === undefined || own === identity) return
  throw new Fault('refused', `${primary.member} serves another database than ${member} is of`, {
    remedy: `if ${member} is to join it, move ${data} elsewhere first`,
  })
}
