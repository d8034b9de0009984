// Which settings does durability rest on, and what does a server's configuration say? Pure.

import {
  canonicalName,
  optionLines,
  placeLines,
  type ServerPlace,
} from '../mysql-kin/option-file.ts'

/** A setting that is ours: a file that says otherwise is refused. */
export interface EnforcedSetting {
  readonly name: string
  readonly value: string
  /** Completes "because …". */
  readonly why: string
}

const enforced = (name: string, value: string, why: string): EnforcedSetting => ({
  name,
  value,
  why,
})

/** The settings that no file can change, in the order in which they are written. */
export const enforcedSettings: readonly EnforcedSetting[] = [
  enforced('read_only', 'ON', 'no server starts so that clients could write'),
  enforced('skip_slave_start', 'ON', 'whom a server receives from is decided anew at each start'),
  enforced('event_scheduler', 'OFF', 'an event on a replica would write'),
  enforced('gtid_domain_id', '0', 'all of a database is one history'),
  enforced('gtid_strict_mode', 'ON', 'a replica must stop where its history is not the primary’s'),
  enforced('binlog_format', 'ROW', 'a replica must do exactly what the primary did'),
  enforced('log_slave_updates', 'ON', 'every replica must be able to be the next primary'),
  enforced('sync_binlog', '1', 'an acknowledged write must be on disk'),
  enforced('innodb_flush_log_at_trx_commit', '1', 'an acknowledged write must be on disk'),
  enforced('innodb_doublewrite', 'ON', 'a page must survive a crash while it is written'),
  enforced('sync_relay_log', '1', 'a replica must have on disk what it acknowledges'),
  enforced('relay_log_recovery', 'OFF', 'it throws away what was received and not applied'),
  enforced('relay_log_purge', 'ON', 'relay logs must not grow without end'),
  enforced('encrypt_binlog', 'OFF', 'a stopped server’s position is read from its binary log'),
  enforced('rpl_semi_sync_master_enabled', 'OFF', 'on a replica it stops its own applier'),
  enforced('rpl_semi_sync_slave_enabled', 'OFF', 'only members of the recorded set acknowledge'),
  enforced('rpl_semi_sync_master_wait_point', 'AFTER_SYNC', 'nobody may see what could be lost'),
  enforced('rpl_semi_sync_master_timeout', '4294967295', 'a wait must not turn into no wait'),
  enforced('rpl_semi_sync_master_wait_no_slave', 'ON', 'writes wait where nobody acknowledges'),
  enforced('skip_name_resolve', 'ON', 'a name server must not decide who is let in'),
]

/** Settings that say where things are, or who somebody is: ours as well. */
export const ownedSettings: readonly string[] = [
  ...['server_id', 'port', 'bind_address', 'socket', 'datadir', 'pid_file', 'user', 'log_bin'],
  ...['log_bin_index', 'relay_log', 'relay_log_index', 'relay_log_info_file', 'report_host'],
  ...['report_user', 'report_password', 'show_slave_auth_info'],
  ...['report_port', 'master_info_file', 'init_rpl_role', 'skip_networking', 'log_error'],
  ...['skip_log_bin', 'innodb_data_home_dir', 'innodb_log_group_home_dir', 'init_file'],
  ...[
    'skip_grant_tables',
    'replicate_same_server_id',
    'slave_skip_errors',
    'gtid_ignore_duplicates',
    'tmpdir',
  ],
  ...['binlog_do_db', 'binlog_ignore_db', 'replicate_do_db', 'replicate_ignore_db', 'plugin_dir'],
  ...['replicate_do_table', 'replicate_ignore_table', 'replicate_rewrite_db', 'innodb_read_only'],
  ...['replicate_wild_do_table', 'replicate_wild_ignore_table', 'innodb_force_recovery'],
  ...['master_verify_checksum', 'binlog_storage_engine', 'tc_heuristic_recover'],
]

/** Why a file may not have this setting; `undefined` if it may. */
export function refusalOf(name: string, value: string): string | undefined {
  const asked = canonicalName(name)
  if (!/^[a-z][a-z0-9_]*$/.test(asked) || /[\n\r]/.test(value)) return 'it is no setting'
  const rule = enforcedSettings.find((each) => sameName(each.name, asked))
  if (rule !== undefined) {
    return asked === rule.name && isSame(value, rule.value) ? undefined : rule.why
  }
  if (ownedSettings.some((each) => sameName(each, asked))) return 'Always On sets it itself'
  return undefined
}

/** `skip_x` is the opposite of `x`: both are the same matter. */
const sameName = (ours: string, asked: string): boolean =>
  ours.replace(/^skip_/, '') === asked.replace(/^skip_/, '')

const isSame = (asked: string, ours: string): boolean => plain(asked) === plain(ours)

function plain(value: string): string {
  const upper = value.trim().toUpperCase()
  if (upper === 'TRUE' || upper === 'ON') return '1'
  return upper === 'FALSE' || upper === 'OFF' ? '0' : upper
}

/** The names of its binary and relay logs. */
export const binaryLog = 'binlog'
export const relayLog = 'relay'

/** The text of its configuration: no secret is in it. */
export function configurationOf(
  place: ServerPlace,
  settings: Readonly<Record<string, string>>,
): string {
  const asked = Object.entries(settings).filter(([name, value]) => !refusalOf(name, value))
  const lines: readonly (readonly [string, string])[] = [
    // A silent primary is noticed, and a heartbeat heard, within seconds.
    ['slave_net_timeout', '5'],
    // A receiver that stops calls its primary; one that is silent is not waited for longer.
    ['rpl_semi_sync_slave_kill_conn_timeout', '1'],
    ['max_binlog_size', '134217728'],
    ['expire_logs_days', '7'],
    ['master_retry_count', '0'],
    ...asked,
    ...enforcedSettings.map(({ name, value }) => [name, value] as const),
    ...placeLines(place),
    // Of members on several machines: nobody comes over the network in the clear.
    ...(place.refusesPlain ? ([['require_secure_transport', 'ON']] as const) : []),
    ['show_slave_auth_info', 'ON'],
    ['log_bin', `${place.data}/${binaryLog}`],
    ['relay_log', `${place.data}/${relayLog}`],
  ]
  return optionLines('mariadbd', lines)
}
