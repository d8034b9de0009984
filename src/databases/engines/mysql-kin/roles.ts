// By which of its two accounts does a primary let a member in? Asked by coming.

import { Fault } from '../../../foundation/fault.ts'
import type { MemberAddress, MemberOptions } from '../../engine.ts'
import { type ReceiverRole, receiverName } from './gate.ts'
import type { Kin } from './kin.ts'
import { errnoOf, reached, Session } from './session.ts'

/** By which of its accounts `primary` lets this member in; rejects with a Fault if by neither. */
export async function roleAt(
  kin: Pick<Kin, 'accountLocked'>,
  primary: MemberAddress,
  { accounts, member, tls }: Pick<MemberOptions, 'accounts' | 'member' | 'tls'>,
  signal: AbortSignal,
): Promise<ReceiverRole> {
  const { password } = accounts.replication
  for (const role of ['acknowledging', 'plain'] as const) {
    const user = receiverName(accounts, member, role)
    try {
      using _session = await Session.open(reached(primary, tls), { user, password }, signal)
      return role
    } catch (thrown) {
      const number = errnoOf(thrown)
      if (number === undefined) {
        throw new Fault('unreachable', `${primary.member} does not answer`, {
          cause: thrown,
          remedy: `see whether its server listens on ${primary.host}:${primary.port}`,
        })
      }
      if (number !== kin.accountLocked) throw refused(primary, user, thrown)
    }
  }
  throw refused(primary, receiverName(accounts, member, 'plain'), undefined)
}

const refused = (primary: MemberAddress, user: string, cause: unknown): Fault =>
  new Fault('refused', `${primary.member} does not let ${user} in`, {
    cause,
    remedy: 'wait until it has been promoted; if it has, see that all members have one file',
  })
