// Who has to show a certificate of the cluster to a server, beside a password? Whoever comes over
// the network, where members are on several machines; never through the socket, which has none.

import type { DatabaseAccounts } from '../../engine.ts'
import { ensureAccount } from './accounts.ts'
import { type Kin, type KinStatus, type KnownAccount, keyOf, nameOf } from './kin.ts'
import type { Session } from './session.ts'

/** Has an account show one from now on, or not any more, unless that is so already. */
export async function certify(
  session: Session,
  known: ReadonlyMap<string, KnownAccount>,
  user: string,
  certified: boolean,
  signal: AbortSignal,
): Promise<void> {
  if ((known.get(user)?.certified ?? false) === certified) return
  await session.query(`ALTER USER ${nameOf(user)} REQUIRE ${certified ? 'X509' : 'NONE'}`, signal)
}

/** Our own account, which comes through the socket as another one then. */
export async function certifyAdmin<Known extends KnownAccount>(
  kin: Pick<Kin<KinStatus, Known>, 'isOf' | 'identified'>,
  session: Session,
  known: ReadonlyMap<string, Known>,
  { admin }: Pick<DatabaseAccounts, 'admin'>,
  certified: boolean,
  signal: AbortSignal,
): Promise<void> {
  const isThere = known.has(keyOf(admin.user, 'localhost'))
  if (isThere || certified) {
    await ensureAccount(kin, session, known, admin, [], signal, 'localhost')
  }
  if (!isThere && certified) {
    const name = nameOf(admin.user, 'localhost')
    await session.query(`GRANT ALL PRIVILEGES ON *.* TO ${name} WITH GRANT OPTION`, signal)
  }
  await certify(session, known, admin.user, certified, signal)
}
