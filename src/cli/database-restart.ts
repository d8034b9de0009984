// `alwayson restart` of a database: its servers are started anew, one by one, the primary last.

import type { Status } from '../agent/model.ts'
import type { DatabaseOverview, MemberOverview } from '../databases/overview.ts'
import type { WaitOptions } from './database-orders.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { type Judgement, settle } from './settle.ts'

/** What is meant: all members of a database, or one of them. */
export interface DatabaseSubject {
  readonly database: string
  readonly only: string | undefined
}

/** What a name means in a file that has databases; `undefined`: something else. */
export function databaseSubject(
  { databases = [] }: Status,
  subject: string,
  member?: string,
): DatabaseSubject | undefined {
  if (databases.some(({ name }) => name === subject)) return { database: subject, only: member }
  const owner = databases.find((one) => one.members.some(({ name }) => name === subject))
  return owner === undefined ? undefined : { database: owner.name, only: subject }
}

/** Starts servers of a database anew, and waits until all of them are back. */
export async function restartDatabase(
  ports: Ports,
  { database, only }: DatabaseSubject,
  { stop = false, wait, within }: WaitOptions & { readonly stop?: boolean },
): Promise<ExitCode> {
  const question = { verb: 'restart', database, only, stop } as const
  await ports.agent.ask('/database', question, ports.interrupted)
  const line = stop
    ? `no more servers of ${database} are started anew`
    : `${only ?? `the servers of ${database}`} are started anew: alwayson databases ${database}`
  if (wait && !stop) return settle(ports, judgeDatabaseRestart(database, only), within)
  ports.out.write(`${line}\n`)
  return exit.done
}

/** How far it is. */
export function judgeDatabaseRestart(
  database: string,
  only?: string,
): (status: Status) => Judgement {
  return ({ databases = [] }) => {
    const seen = databases.find(({ name }) => name === database)
    if (seen === undefined) {
      return { kind: 'failed', line: `${database} is no longer in the file`, remedy: undefined }
    }
    const left = seen.members.filter(({ restart }) => restart !== undefined)
    const broken = seen.members.find(({ state }) => state === 'broken')
    if (broken !== undefined) return stuck(seen, broken)
    if (left.length === 0 && seen.request === undefined && seen.standing === 'good') {
      const line = `${only ?? database} has been restarted; ${seen.primary} is primary`
      return { kind: 'done', line }
    }
    return { kind: 'waiting', line: progress(seen, left) }
  }
}

const stuck = ({ name }: DatabaseOverview, member: MemberOverview): Judgement => ({
  kind: 'failed',
  line: `${member.name} does not come back: ${member.reason}; the others are left as they are`,
  remedy: `mend it, and the rest goes on by itself; or give it up: alwayson restart ${name} --stop`,
})

function progress(seen: DatabaseOverview, left: readonly MemberOverview[]): string {
  const { name, members, says } = seen
  const away = members.filter(({ standing }) => standing !== 'good')
  const now = away.map((one) => `${one.name} ${one.state}`).join(', ')
  const rest = left.map((one) => one.name).join(', ')
  return `${name}: ${now === '' ? says : now}${rest === '' ? '' : `; left: ${rest}`}`
}
