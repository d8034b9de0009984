// Takes over a PostgreSQL that somebody else set up: looks at it, makes it know us, and lets it
// boot as a standby only. Who starts and stops it is not known here.

import { lookup } from 'node:dns/promises'
import { copyFileSync, existsSync, lstatSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeWhole } from '../../../control/whole-file.ts'
import { describeError, Fault } from '../../../foundation/fault.ts'
import { ms } from '../../../foundation/time.ts'
import type { Adopter, Ending } from '../../adoption/adopter.ts'
import type { AdoptedMember, RunningServer, Seal } from '../../adoption/model.ts'
import type { Bind } from '../../model.ts'
import { ensureRole, quietly, rewindFunctions, sqlName, sqlText } from './accounts.ts'
import { letIn, restrict } from './adopted-access.ts'
import { changesOf, conflictsOf, inheritedOf, needsAsMuch } from './adopted-settings.ts'
import { parseLsn } from './lsn.ts'
import { pauseFor } from './patience.ts'
import { isOfPassword } from './scram.ts'
import { type Row, Session, sqlState } from './session.ts'

const mib = 1024 * 1024
/** Those are no replicas: they receive what somebody keeps (their own default names). */
const tools = ['pg_basebackup', 'pg_receivewal', 'pg_receivexlog', 'barman', 'walg', 'wal-g']

const where = ({ member }: AdoptedMember): string =>
  `${member.name} at ${member.host}:${member.port}`

/** A session as whom the file says. Rejects with a Fault that says what is wrong with that. */
async function open(adopted: AdoptedMember, signal: AbortSignal): Promise<Session> {
  const { host, port, adopt } = adopted.member
  const account = adopt ?? { user: '', password: '' }
  try {
    return await Session.open({ host, port, account, database: 'postgres' }, signal)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    const state = sqlState(cause)
    if (state === '28P01' || state === '28000') {
      throw new Fault('refused', `${where(adopted)} does not let ${account.user} in`, {
        remedy: 'see whether `credentials` are right, and whether its pg_hba.conf lets them in',
        cause,
      })
    }
    if (state === '57P03') {
      throw new Fault('unreachable', `${where(adopted)} takes no connections yet`, {
        remedy: 'wait until it has started; a replica needs `hot_standby = on`',
        cause,
      })
    }
    if (state !== undefined) {
      const remedy = `mend that, or leave ${adopted.member.name} out`
      throw new Fault('refused', `${where(adopted)} refuses us`, { remedy, cause })
    }
    throw new Fault('unreachable', `${where(adopted)} does not answer`, {
      remedy: 'start it, or mend its address under `members:`',
      cause,
    })
  }
}

const selfQuery = `
  SELECT current_setting('server_version') AS version,
         current_setting('server_version_num')::int / 10000 AS major,
         pg_is_in_recovery() AS standby,
         (SELECT system_identifier::text FROM pg_control_system()) AS system,
         current_setting('data_directory') AS folder,
         current_setting('cluster_name') AS cluster,
         CASE WHEN pg_is_in_recovery()
           THEN coalesce(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0')
           ELSE pg_current_wal_lsn() END::text AS position,
         (SELECT timeline_id FROM pg_control_checkpoint()) AS line,
         (SELECT json_build_object('host', sender_host, 'port', sender_port)
            FROM pg_stat_wal_receiver WHERE status = 'streaming') AS source,
         (SELECT coalesce(json_agg(application_name || coalesce(' from ' || client_addr::text, '')),
                          '[]')
            FROM pg_stat_replication r
           WHERE NOT application_name = ANY ($1) AND state IN ('streaming', 'catchup')
             AND NOT EXISTS (
             SELECT FROM pg_replication_slots s
              WHERE s.active_pid = r.pid AND s.slot_type = 'logical')) AS receivers`

async function look(adopted: AdoptedMember, signal: AbortSignal): Promise<RunningServer> {
  using session = await open(adopted, signal)
  const { is } = await session.row(
    'SELECT rolsuper AS is FROM pg_roles WHERE rolname = current_user',
    signal,
  )
  if (is !== true) {
    const { user = '' } = adopted.member.adopt ?? {}
    throw new Fault('refused', `${user} is no superuser of ${where(adopted)}`, {
      remedy: 'give the credentials of a superuser: accounts are made, and settings read, as it',
    })
  }
  const self = await session.row(selfQuery, signal, [tools])
  const at = parseLsn(String(self.position)) ?? 0
  const { member } = adopted
  return {
    member: member.name,
    address: { host: await numberOf(member.host), port: member.port },
    version: String(self.version).split(' ')[0] ?? '',
    series: String(self.major),
    identity: `system ${String(self.system)}`,
    role: self.standby === true ? 'replica' : 'primary',
    ours: self.cluster === member.name,
    prepared: await isPrepared(session, adopted, signal),
    follows: await sourceOf(self),
    position: { line: Number(self.line), at },
    receivers: self.receivers as readonly string[],
    folder: String(self.folder),
    inherited: await inheritedOf(session, adopted.plan, signal),
    changes: await changesOf(session, adopted, signal),
    conflicts: await conflictsOf(session, adopted, signal),
  }
}

async function sourceOf({ source }: Row): Promise<Bind | undefined> {
  const { host, port } = (source ?? {}) as { host?: string; port?: number }
  return host === undefined ? undefined : { host: await numberOf(host), port: Number(port) }
}

/** A name that leads nowhere from here stays one: the other machine may know it. */
async function numberOf(host: string): Promise<string> {
  if (host.startsWith('/')) return host
  return await lookup(host).then(
    ({ address }) => address,
    () => host,
  )
}

async function isPrepared(
  session: Session,
  { accounts }: AdoptedMember,
  signal: AbortSignal,
): Promise<boolean> {
  const rows = await session.query(
    'SELECT rolname AS name, rolpassword AS verifier FROM pg_authid WHERE rolname = ANY ($1)',
    signal,
    [[accounts.admin.user, accounts.replication.user]],
  )
  return [accounts.admin, accounts.replication].every(({ user, password }) =>
    rows.some(({ name, verifier }) => name === user && isOfPassword(String(verifier), password)),
  )
}

async function prepare(adopted: AdoptedMember, signal: AbortSignal): Promise<Seal> {
  const { admin, replication } = adopted.accounts
  using session = await open(adopted, signal)
  for (const statement of quietly) await session.query(statement, signal)
  await ensureRole(session, admin, 'SUPERUSER REPLICATION', signal)
  await ensureRole(session, replication, 'NOSUPERUSER REPLICATION', signal)
  for (const each of rewindFunctions) {
    const to = sqlName(replication.user)
    await session.query(`GRANT EXECUTE ON FUNCTION pg_catalog.${each} TO ${to}`, signal)
  }
  const { file } = await session.row("SELECT current_setting('hba_file') AS file", signal)
  letIn(String(file), replication.user)
  await session.query('SELECT pg_reload_conf()', signal)
  await untilLetIn(adopted, signal)
  const slots = await session.query(
    `SELECT slot_name AS name FROM pg_replication_slots s JOIN pg_stat_replication r
         ON r.pid = s.active_pid
      WHERE slot_type = 'physical' AND NOT application_name = ANY ($1)`,
    signal,
    [tools],
  )
  return { slots: JSON.stringify(slots.map(({ name }) => String(name))) }
}

/** A reload takes effect when it does. */
async function untilLetIn({ member, accounts }: AdoptedMember, signal: AbortSignal): Promise<void> {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(letInWithin)])
  const door = { host: member.host, port: member.port, database: 'postgres' } as const
  for (;;) {
    try {
      using _ = await Session.open(
        { ...door, account: accounts.replication, replication: 'true' },
        soon,
      )
      return
    } catch (cause) {
      if (!soon.aborted) {
        await pauseFor(letInEvery, signal)
        continue
      }
      throw new Fault('refused', `${member.name} does not let ${accounts.replication.user} in`, {
        remedy: `see what its log says: ${describeError(cause)}`,
        cause,
      })
    }
  }
}

const letInWithin = 15_000
const letInEvery = ms(50)
/** For a stream that has ended to be seen to have. */
const slotWithin = 10_000

/**
 * A primary that ends in order sends all it has to whoever receives, and then ends: nothing has to
 * be kept from being written. A checkpoint before it keeps that short.
 */
async function beforeEnd(adopted: AdoptedMember, seal: Seal, signal: AbortSignal): Promise<Ending> {
  using session = await open(adopted, signal)
  await session.query('CHECKPOINT', signal)
  // Those whom they were for receive by slots of ours by now; they would keep the log for ever.
  for (const name of JSON.parse(seal.slots ?? '[]') as readonly string[]) {
    await dropSlot(session, name, signal)
  }
  return { seal, async [Symbol.asyncDispose]() {} }
}

/** Whoever received by it has ended; that may not have been noticed yet. */
async function dropSlot(session: Session, name: string, signal: AbortSignal): Promise<void> {
  const soon = AbortSignal.timeout(slotWithin)
  const which = `slot_name = ${sqlText(name)} AND slot_name NOT LIKE 'alwayson\\_%'`
  for (;;) {
    const rows = await session.query(
      `SELECT active FROM pg_replication_slots WHERE ${which}`,
      signal,
    )
    const [row] = rows
    if (row === undefined) return
    if (row.active !== true) {
      await session.query(
        `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE ${which}`,
        signal,
      )
      return
    }
    // It is left, then: an operator may see to it, and nothing is lost by it.
    if (soon.aborted) return
    await pauseFor(letInEvery, signal)
  }
}

/** From here on it boots as a standby, whoever starts it. */
function settle(_: AdoptedMember, data: string): void {
  const auto = join(data, 'postgresql.auto.conf')
  const kept = `${auto}.before`
  if (existsSync(auto) && !existsSync(kept)) copyFileSync(auto, kept)
  const mark = join(data, 'standby.signal')
  writeWhole(mark, '')
  const { uid, gid } = lstatSync(data)
  restrict(mark, uid, gid)
  if (existsSync(kept)) restrict(kept, uid, gid)
  rmSync(join(data, 'recovery.signal'), { force: true })
}

/** PostgreSQL, for members that run already. */
export const postgresAdopter: Adopter = {
  engine: 'postgresql',
  behindMost: { at: 256 * mib, words: '256 MiB of its log' },
  endSignal: 'SIGINT',
  homeOf: dirname,
  look,
  harmonise: needsAsMuch,
  prepare,
  beforeEnd,
  settle,
  lineOf: () => 0,
}
