// What stands in a member's configuration? Pure: text of the files that its server reads.

import { plainSetting } from '../../durable-settings.ts'
import type { MemberAddress } from '../../engine.ts'
import type { TlsFiles } from '../../member-tls.ts'
import type { AckSet } from '../../model.ts'
import type { ControlFile } from './control-file.ts'
import { heldAt } from './least.ts'

/** A value as a configuration file quotes it (config docs, 20.1.2). */
export const quoteValue = (value: string): string =>
  `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`

/** A word of a connection string (libpq docs, 34.1.1.1). */
export const quoteWord = (value: string): string =>
  `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A name that no member has: whoever waits for it waits until a set is put in force. */
const nobody = 'alwayson:nobody'

/** In force on whoever is not primary: should it ever take a write, that write waits. */
export const noAcks: AckSet = { members: [nobody], needed: 1 }

/** `synchronous_standby_names` for a set. */
export const namesOf = ({ members, needed }: AckSet): string =>
  needed === 0 ? '' : `ANY ${needed} (${members.map(quoteName).join(', ')})`

/** The set that such a value stands for; `undefined` for a value that is not ours. */
export function acksIn(names: string): AckSet | undefined {
  if (names.trim() === '') return { members: [], needed: 0 }
  const match = /^ANY (\d+) \((.*)\)$/.exec(names)
  if (match === null) return undefined
  const members = [...(match[2] ?? '').matchAll(/"((?:[^"]|"")*)"/g)].map((each) =>
    (each[1] ?? '').replaceAll('""', '"'),
  )
  return members.includes(nobody) ? undefined : { members, needed: Number(match[1]) }
}

/** What a server is configured by, beside what the file says. */
export interface Place {
  readonly address: MemberAddress
  readonly run: string
  /** Folders of more sockets, for clients on this machine: of a server that was taken over. */
  readonly sockets?: readonly string[] | undefined
  readonly major: number
  /** What it shows to members on other machines; `undefined`: there are none. */
  readonly tls?: TlsFiles | undefined
  /** Free bytes of the disk of its data. */
  readonly freeBytes: number
}

const mib = 1024 * 1024

/** What a member has unless the file says otherwise. */
const defaults = ({ freeBytes }: Place): Readonly<Record<string, string>> => ({
  password_encryption: 'scram-sha-256',
  log_timezone: 'UTC',
  // A replica that is away for a while is caught up from the log; one that never returns must not
  // fill the disk.
  wal_keep_size: `${Math.floor(Math.min(1024 * mib, freeBytes / 20) / mib)}MB`,
  max_slot_wal_keep_size: `${Math.max(256, Math.floor(freeBytes / 4 / mib))}MB`,
})

type Settings = Readonly<Record<string, string>>

/**
 * What is so whatever the file says, which is refused where it says otherwise
 * (`durable-settings.ts`); the values that it may choose among are taken from it.
 */
export const enforced = (
  { address, run, sockets = [], major, tls }: Place,
  chosen: Settings,
): Settings => ({
  listen_addresses: address.host,
  port: String(address.port),
  unix_socket_directories: [run, ...sockets].join(', '),
  hba_file: `${run}/hba.conf`,
  ident_file: `${run}/ident.conf`,
  cluster_name: address.member,
  logging_collector: 'off',
  log_destination: 'stderr',
  // A write that was acknowledged is on the disk of whoever acknowledged it.
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: chosen.synchronous_commit ?? 'on',
  data_sync_retry: 'off',
  // After a crash, and of a fresh copy, all of it is put on disk before it is used: at one stroke.
  recovery_init_sync_method: 'syncfs',
  // What the server would bring back by itself would take writes: whether it may is not for it.
  restart_after_crash: 'off',
  wal_level: chosen.wal_level ?? 'replica',
  wal_log_hints: 'on',
  hot_standby: 'on',
  max_wal_senders: '32',
  max_replication_slots: '32',
  wal_sender_timeout: '5s',
  wal_receiver_timeout: '3s',
  wal_receiver_status_interval: '1s',
  wal_retrieve_retry_interval: '100ms',
  recovery_target_timeline: 'latest',
  recovery_min_apply_delay: '0',
  restore_command: '',
  archive_mode: 'off',
  ...(major >= 17 ? { allow_alter_system: 'off' } : {}),
  ...(tls === undefined ? {} : securedBy(tls)),
})

/** Config docs, 20.3.3. All of it is taken without a restart. */
const securedBy = ({ ca, cert, key }: TlsFiles): Settings => ({
  ...{ ssl: 'on', ssl_ca_file: ca, ssl_cert_file: cert, ssl_key_file: key, ssl_crl_file: '' },
  ...{ ssl_crl_dir: '', ssl_min_protocol_version: 'TLSv1.2' },
})

const render = (settings: Readonly<Record<string, string>>): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name} = ${quoteValue(value)}\n`)
    .join('')

/** The whole of postgresql.conf: of two lines for a setting the later counts. */
export function configuration(
  place: Place,
  settings: Settings,
  least?: ControlFile['least'],
): string {
  const plain = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [plainSetting(name), value]),
  )
  return [
    '# Written by Always On at each start. Settings belong into the file, under settings:\n',
    render(defaults(place)),
    '# From the file.\n',
    render(plain),
    '# What failover and durability rest on.\n',
    render(enforced(place, plain)),
    '# What a standby has to have as much of as its primary had.\n',
    render(heldAt(plain, least)),
  ].join('')
}

/** What a running server may have to do otherwise from one moment to the next. */
export interface Course {
  /** Whom it receives from. */
  readonly upstream: MemberAddress | undefined
  readonly acks: AckSet
  /** Of one that is restored: how far it applies the log (config docs, 20.5.6). */
  readonly recovery?: Settings | undefined
}

/** How its upstream is reached: without a password, which lies in a file of its own. */
export interface Approach {
  readonly user: string
  readonly passwordFile: string
  readonly member: string
  readonly major: number
  readonly tls: TlsFiles | undefined
}

/**
 * Words of libpq (docs, 34.1.2) by which a server is believed to be one of the cluster's machines,
 * the one at that address. Before version 15 libpq does not compare addresses.
 */
export const secureWords = (
  tls: TlsFiles | undefined,
  major: number,
): Readonly<Record<string, string>> =>
  tls === undefined
    ? { sslmode: 'disable' }
    : {
        sslmode: major < 15 ? 'verify-ca' : 'verify-full',
        ...{ sslrootcert: tls.ca, sslcert: tls.cert, sslkey: tls.key },
      }

const conninfo = (
  { host, port }: MemberAddress,
  { user, passwordFile, member, major, tls }: Approach,
): string =>
  Object.entries({
    host,
    port: String(port),
    user,
    passfile: passwordFile,
    application_name: member,
    connect_timeout: '2',
    keepalives_idle: '1',
    keepalives_interval: '1',
    keepalives_count: '3',
    tcp_user_timeout: '3000',
    ...secureWords(tls, major),
  })
    .map(([word, value]) => `${word}=${quoteWord(value)}`)
    .join(' ')

const followsMark = '# follows '

/** The whole of postgresql.auto.conf, which outdoes every other file. */
export function courseText({ upstream, acks, recovery }: Course, approach: Approach): string {
  const receiving: Record<string, string> =
    upstream === undefined
      ? // Whoever reads here is not to keep what was received from being applied.
        { max_standby_streaming_delay: '0' }
      : {
          primary_conninfo: conninfo(upstream, approach),
          primary_slot_name: slotOf(approach.member),
        }
  return [
    '# Written by Always On: what this member does now. ALTER SYSTEM has no effect that lasts.\n',
    upstream === undefined ? '' : `${followsMark}${JSON.stringify(upstream)}\n`,
    render(receiving),
    render({ synchronous_standby_names: namesOf(acks) }),
    render(recovery ?? {}),
  ].join('')
}

/** Whom a member was last told to follow, by that text. */
export function upstreamIn(course: string): MemberAddress | undefined {
  const line = course.split('\n').find((each) => each.startsWith(followsMark))
  return line === undefined
    ? undefined
    : (JSON.parse(line.slice(followsMark.length)) as MemberAddress)
}

/** By whom the writes of a primary are acknowledged, by that text; `undefined`: by nobody named. */
export function acksOfCourse(course: string): AckSet | undefined {
  const [, quoted] = /^synchronous_standby_names = '(.*)'$/m.exec(course) ?? []
  return quoted === undefined
    ? undefined
    : acksIn(quoted.replaceAll("''", "'").replaceAll('\\\\', '\\'))
}

/** Whether clients are let in. */
export type Doors = 'open' | 'closed'

const doorsMark = '# doors: '

/**
 * The whole of pg_hba.conf. Always On comes through the socket in a folder that is its own;
 * replicas may receive, and nobody reaches its account over the network. A server that was taken
 * over lets in whom it let in before (`access`), and the application. One whose members are on
 * several machines (`secured`) lets nobody in over the network who shows no certificate of theirs,
 * whatever it did before.
 */
export function hbaText(
  doors: Doors,
  { admin, replication, app }: Readonly<Record<'admin' | 'replication' | 'app', { user: string }>>,
  access?: readonly string[],
  secured = false,
): string {
  const [all, us, them] = ['all', quoteName(admin.user), quoteName(replication.user)]
  const clients = doors === 'open' ? 'scram-sha-256' : 'reject'
  const [host, shown] = secured ? ['hostssl', ' clientcert=verify-ca'] : ['host', '']
  const others =
    access === undefined || doors === 'closed'
      ? [`local all ${all} ${clients}`, `${host} all ${all} all ${clients}${shown}`]
      : [
          `${host} all ${quoteName(app.user)} all ${clients}${shown}`,
          ...(secured ? access.filter((line) => /^\s*local\s/.test(line)) : access),
        ]
  return [
    `${doorsMark}${doors}`,
    `local all ${us} scram-sha-256`,
    `local all ${them} reject`,
    `host all ${us} all reject`,
    `${host} replication ${them} all scram-sha-256${shown}`,
    // What it could copy it may read: members are compared by it.
    `${host} all ${them} all scram-sha-256${shown}`,
    ...others,
    '',
  ].join('\n')
}

/** What a pg_hba.conf of ours says. */
export const doorsIn = (hba: string): Doors =>
  hba.startsWith(`${doorsMark}open`) ? 'open' : 'closed'

/** The slot that a member receives through: names have only these letters (replication docs). */
export function slotOf(member: string): string {
  const plain = member.toLowerCase().replaceAll(/[^a-z0-9]/g, '_')
  if (plain === member && plain.length <= 40) return `alwayson_${plain}`
  let sum = 0
  for (const letter of member) sum = (Math.imul(sum, 31) + (letter.codePointAt(0) ?? 0)) >>> 0
  return `alwayson_${plain.slice(0, 40)}_${sum.toString(16)}`
}

/** The slot that backups receive the log through: no member's, whose names have one `_` there. */
export const archiveSlot = 'alwayson__archive'

/** A line of a password file (libpq docs, 34.16). */
export const passwordLine = ({ user, password }: { user: string; password: string }): string => {
  const guarded = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll(':', '\\:')
  return `*:*:*:${guarded(user)}:${guarded(password)}\n`
}
