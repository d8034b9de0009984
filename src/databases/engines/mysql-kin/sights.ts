// Who is on a server of MariaDB or MySQL, and what is seen of one that could not be asked?

import { blank } from '../../blank-sight.ts'
import type { DatabaseAccounts, MemberOptions, ServerSight } from '../../engine.ts'
import { receiverOf } from './gate.ts'
import { errnoOf, errors, isUnreachable, type Session } from './session.ts'

/** Clients, and members that receive. */
export interface People {
  readonly clients: number
  readonly receivers: readonly string[]
}

export async function peopleOf(
  session: Session,
  { accounts, peers }: Pick<MemberOptions, 'accounts' | 'peers'>,
  signal: AbortSignal,
): Promise<People> {
  const rows = await session.query(
    'SELECT USER AS user, COMMAND AS command FROM information_schema.PROCESSLIST',
    signal,
  )
  const receivers = new Set<string>()
  let clients = 0
  for (const row of rows) {
    const user = String(row.user)
    const receiver = receiverOf(user, accounts, peers)
    if (receiver === undefined) clients += isClient(user, accounts.admin.user) ? 1 : 0
    else if (String(row.command).startsWith('Binlog Dump')) receivers.add(receiver.member)
  }
  return { clients, receivers: [...receivers] }
}

const servers = new Set(['system user', 'unauthenticated user', 'event_scheduler'])

const isClient = (user: string, admin: string): boolean => user !== admin && !servers.has(user)

/** Of a server that runs and could not be asked; `last` is what was seen before. */
export function silentSight(
  thrown: unknown,
  last: ServerSight,
  { admin }: DatabaseAccounts,
  signal: AbortSignal,
): ServerSight {
  const number = errnoOf(thrown)
  if (number === errors.accessDenied || number === errors.accessDeniedNoPassword) {
    const why = `the server does not let ${admin.user} in: it has another password, or no such user`
    const remedy = 'give the accounts that this database was made with, or copy the member anew'
    return { ...blank, server: 'broken', why, remedy }
  }
  if (!signal.aborted && (isUnreachable(thrown) || last === blank)) {
    return { ...blank, server: 'starting' }
  }
  const server = last === blank ? 'starting' : last.server
  const { writable, acks } = last
  return { ...blank, server, writable, why: 'the server does not answer', acks }
}
