// Whom is a member to follow, and is that a primary of the database it is of?

import { existsSync } from 'node:fs'
import { Fault } from '../../../foundation/fault.ts'
import type { MemberAddress, MemberOptions } from '../../engine.ts'
import { assertOurs, type FolderState, readMark, stateOf } from './data-folder.ts'
import type { ReceiverRole } from './gate.ts'
import { type Kin, ownDatabase } from './kin.ts'
import { roleAt } from './roles.ts'
import type { KinServer } from './server.ts'
import { errnoOf, errors, reached, Session } from './session.ts'

/** A session of the administrator at the primary that is to be followed. Rejects with a Fault. */
async function openSource(
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

/** What a member that is to follow has found out, before anything of it is touched. */
export interface Approach {
  /** What its own data folder is: absent, or of this database. */
  readonly state: FolderState
  /** A session of the administrator at the primary. */
  readonly source: Session
  readonly identity: string
  /** By which of its accounts it is let in. */
  readonly role: ReceiverRole
}

/** Comes to whom a member is to follow. Rejects with a Fault, and changes nothing. */
export async function approach(
  kin: Pick<Kin, 'accountLocked'>,
  { options, product }: KinServer,
  primary: MemberAddress,
  signal: AbortSignal,
): Promise<Approach> {
  const state = stateOf(options.data, options.database, product)
  if (state.kind === 'foreign') assertOurs(options.data, state)
  const source = await openSource(options, primary, signal)
  try {
    const identity = await identityOf(source, primary, signal)
    assertSame(options, identity, primary)
    return { state, source, identity, role: await roleAt(kin, primary, options, signal) }
  } catch (thrown) {
    source[Symbol.dispose]()
    throw thrown
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
function assertSame(
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
