// Does a running server have the settings and the programs that it should? Those settings that it
// can take as it runs are given to it.

import { chownSync, writeFileSync } from 'node:fs'
import { readWhole } from '../../../control/whole-file.ts'
import { describeError } from '../../../foundation/fault.ts'
import type { Refreshed } from '../../engine.ts'
import { refusesPlain } from '../../member-tls.ts'
import { certify, certifyAdmin } from '../mysql-kin/certified.ts'
import { ensureReceivers } from '../mysql-kin/gate.ts'
import { asNumber, type Changed, changesBetween, withoutThose } from '../mysql-kin/in-force.ts'
import { errnoOf, type Session } from '../mysql-kin/session.ts'
import { otherProgram } from '../running-program.ts'
import { mariadb } from './kin.ts'
import type { Logs } from './logs.ts'
import { findPrograms, type Programs } from './programs.ts'
import { changeRole } from './replication.ts'
import type { MariadbServer } from './server.ts'
import { readStatus, type ServerStatus } from './status.ts'

/** Rejects where the server does not answer. */
export async function refresh(
  server: MariadbServer,
  logs: Logs,
  signal: AbortSignal,
): Promise<Refreshed> {
  let programs: Programs
  try {
    programs = await findPrograms(server.options.home)
  } catch (thrown) {
    return { outdated: undefined, refused: describeError(thrown) }
  }
  const session = await server.session(signal)
  const { version } = await session.one('SELECT VERSION() AS version', signal)
  const running = String(version).split('-')[0] ?? ''
  const other = otherVersion(running, programs)
  if (other?.refused !== undefined) return other
  server.programs = programs
  await server.renewTls(mariadb.reloadTls, signal)
  const { outdated, refused } = await takeSettings(server, session, signal)
  await secure(server, logs, session, signal)
  const names = outdated.join(', ')
  const program = other?.outdated ?? otherProgram(server.options.host, programs.server)
  const settings = names === '' ? undefined : `other settings of the file: ${names}`
  const reasons = [program, settings].filter((each) => each !== undefined)
  return {
    outdated: reasons.length === 0 ? undefined : reasons.join('; '),
    refused: refused.length === 0 ? undefined : refused.join('; '),
  }
}

/** Who comes to it, and how it comes to others, is as its options say now. */
async function secure(
  server: MariadbServer,
  logs: Logs,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  const { options } = server
  const status = await readStatus(session, signal)
  if (status.epoch > 0) return await certifyAll(server, session, signal)
  const source = sourceToChange(status, options.tls !== undefined)
  const primary = options.peers.find(
    ({ host, port }) => host === source?.host && port === source.port,
  )
  if (primary !== undefined) await changeRole(session, logs, primary, options, signal)
}

/** Whom a replica receives from, if it is to come there otherwise than it does. */
const sourceToChange = ({ receiving }: ServerStatus, tls: boolean): ServerStatus['receiving'] =>
  receiving === undefined || receiving.io === 'No' || receiving.tls === tls ? undefined : receiving

/** Of a primary: who has to show a certificate, beside a password. */
async function certifyAll(
  server: MariadbServer,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  const { accounts, peers, member } = server.options
  const isAsked = refusesPlain(server.options)
  const known = await mariadb.knownAccounts(session, signal)
  const others = peers.filter((each) => each.member !== member)
  await ensureReceivers(mariadb, session, accounts, others, isAsked, signal)
  await certifyAdmin(mariadb, session, known, accounts, isAsked, signal)
  await certify(session, known, accounts.app.user, isAsked, signal)
}

const series = (version: string): string => version.split('.').slice(0, 2).join('.')

function otherVersion(running: string, { version, server }: Programs): Refreshed | undefined {
  if (running === version) return undefined
  const what = `it runs MariaDB ${running}, and ${server} is ${version}`
  const ours = series(running)
  if (ours === series(version)) return { outdated: what, refused: undefined }
  const remedy = `name the folder of a MariaDB ${ours} with \`home:\``
  const refused = `${what}: another series does not take over its data; ${remedy}`
  return { outdated: undefined, refused }
}

interface Taken {
  /** They wait for a start. */
  readonly outdated: readonly string[]
  readonly refused: readonly string[]
}

async function takeSettings(
  server: MariadbServer,
  session: Session,
  signal: AbortSignal,
): Promise<Taken> {
  const inForce = readWhole(server.configurationFile)
  if (inForce === undefined) return { outdated: [], refused: [] }
  const wanted = server.configuration
  const outdated: string[] = []
  const refused: string[] = []
  const left: string[] = []
  for (const change of changesBetween(inForce, wanted)) {
    const how = await take(session, change, signal)
    if (how.kind === 'taken') continue
    left.push(change.name)
    if (how.kind === 'at-start') outdated.push(change.name)
    else refused.push(`\`${change.name}: ${change.value}\` of settings: is refused: ${how.why}`)
  }
  const text = withoutThose(inForce, wanted, left)
  if (text !== inForce) {
    writeFileSync(server.configurationFile, text, { mode: 0o600 })
    const { owner } = server
    if (owner !== undefined) chownSync(server.configurationFile, owner.uid, owner.gid)
  }
  return { outdated, refused }
}

type How =
  | { readonly kind: 'taken' }
  | { readonly kind: 'at-start' }
  | { readonly kind: 'refused'; readonly why: string }

async function take(session: Session, { name, value }: Changed, signal: AbortSignal): Promise<How> {
  const [known] = await session.query(
    'SELECT READ_ONLY AS fixed FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_NAME = ?',
    signal,
    [name],
  )
  if (known === undefined && value !== undefined) {
    return { kind: 'refused', why: 'this server has no such setting' }
  }
  if (known === undefined || known.fixed === 'YES') return { kind: 'at-start' }
  try {
    // A name that the server knows is one word.
    if (value === undefined) await session.query(`SET GLOBAL ${name} = DEFAULT`, signal)
    else {
      const number = asNumber(value)
      const literal = number === undefined ? '?' : String(number)
      await session.query(
        `SET GLOBAL ${name} = ${literal}`,
        signal,
        number === undefined ? [value] : [],
      )
    }
    return { kind: 'taken' }
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown
    return { kind: 'refused', why: describeError(thrown) }
  }
}
