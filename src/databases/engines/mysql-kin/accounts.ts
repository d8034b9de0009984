// How does an account come to be, or to have its password, on a MariaDB or MySQL?

import type { Account } from '../../engine.ts'
import { type Kin, type KinStatus, type KnownAccount, keyOf, nameOf, type Origin } from './kin.ts'
import type { Session } from './session.ts'

/** Makes an account, or gives it its password, unless it has it: nothing is logged for nothing. */
export async function ensureAccount<Known extends KnownAccount>(
  kin: Pick<Kin<KinStatus, Known>, 'isOf' | 'identified'>,
  session: Session,
  known: ReadonlyMap<string, Known>,
  { user, password }: Account,
  grants: readonly string[],
  signal: AbortSignal,
  from: Origin = '%',
): Promise<void> {
  const name = nameOf(user, from)
  const present = known.get(keyOf(user, from))
  if (present !== undefined && kin.isOf(present, password)) return
  const verb = present === undefined ? 'CREATE' : 'ALTER'
  await session.query(`${verb} USER ${name} ${kin.identified(password)}`, signal)
  for (const grant of grants) await session.query(`GRANT ${grant} TO ${name}`, signal)
}
