// Which settings of a server does a kept promise rest on? Those that the file may not set, or only
// to some values, with the reason. Pure; what an engine writes itself is the engine's to know.

import type { DatabasePlan, Durability, EngineName } from './model.ts'

/** One setting that the file may not have as it likes. */
export interface DurableSetting {
  /** Values that keep the promise, in small letters; none: it is Always On's to set. */
  readonly keeps: readonly string[]
  /** Values that `durability: async` may have beside them. */
  readonly asyncToo?: readonly string[]
  /** Completes "it cannot be set to that: …". */
  readonly why: string
}

type Settings = Readonly<Record<string, DurableSetting>>

const all = (names: readonly string[], why: string): Settings =>
  Object.fromEntries(names.map((name) => [name, { keeps: [], why }]))

const on = ['on']
const place = 'where a server listens and keeps its data is said by the file’s other keys'
const role = 'who leads, who follows and who acknowledges changes with every failover'
const notice = 'how soon a loss is noticed follows from `failover: { within: … }`'

/** PostgreSQL, by its documentation (Server Configuration). */
const postgresql: Settings = {
  fsync: { keeps: on, why: 'without it a crash loses what was acknowledged' },
  full_page_writes: { keeps: on, why: 'without it a crash leaves pages half written' },
  synchronous_commit: {
    keeps: ['on', 'remote_apply'],
    asyncToo: ['local', 'remote_write'],
    why: 'a commit would be acknowledged before it is on disk where it has to be',
  },
  zero_damaged_pages: { keeps: ['off'], why: 'it erases damaged rows instead of telling' },
  ignore_system_indexes: { keeps: ['off'], why: 'it is for repairs by hand' },
  ignore_checksum_failure: { keeps: ['off'], why: 'it hides that data are damaged' },
  data_sync_retry: { keeps: ['off'], why: 'a failed flush that is tried again may lose the data' },
  wal_level: { keeps: ['replica', 'logical'], why: 'replicas need at least `replica`' },
  wal_log_hints: { keeps: on, why: 'a former primary can be rewound only with it' },
  hot_standby: { keeps: on, why: 'a replica that cannot be asked cannot be promoted safely' },
  allow_system_table_mods: { keeps: ['off'], why: 'it is for repairs by hand' },
  ...all(
    [
      ...['synchronous_standby_names', 'primary_conninfo', 'primary_slot_name', 'cluster_name'],
      ...['default_transaction_read_only', 'restart_after_crash', 'max_wal_senders'],
      'max_replication_slots',
      ...['recovery_min_apply_delay', 'promote_trigger_file', 'recovery_end_command'],
      ...['recovery_target', 'recovery_target_action', 'recovery_target_inclusive'],
      ...['recovery_target_lsn', 'recovery_target_name', 'recovery_target_time'],
      ...['recovery_target_timeline', 'recovery_target_xid'],
    ],
    role,
  ),
  ...all(['wal_receiver_timeout', 'wal_sender_timeout', 'wal_receiver_status_interval'], notice),
  ...all(['wal_retrieve_retry_interval', 'recovery_init_sync_method'], notice),
  ...all(['logging_collector', 'log_destination'], 'its log is kept where troubles are read from'),
  ...all(['allow_alter_system'], 'settings stand in the file, and nowhere else'),
  ...all(
    ['archive_mode', 'archive_command', 'archive_library', 'restore_command'],
    'the log is archived as `backups:` says',
  ),
  ...all(
    [
      ...['port', 'listen_addresses', 'unix_socket_directories', 'data_directory'],
      ...['config_file', 'hba_file', 'ident_file', 'external_pid_file'],
    ],
    place,
  ),
}

const flush = 'without it a crash loses what was acknowledged'

/** What MariaDB and MySQL have in common, by their documentation of system variables. */
const innodb: Settings = {
  innodb_flush_log_at_trx_commit: { keeps: ['1'], asyncToo: ['2', '3'], why: flush },
  sync_binlog: { keeps: ['1'], why: flush },
  innodb_doublewrite: {
    keeps: ['on', '1', 'fast', 'detect_and_recover'],
    why: 'without it a crash leaves pages half written',
  },
  innodb_flush_method: {
    keeps: ['fsync', 'o_dsync', 'o_direct', 'o_direct_no_fsync'],
    why: 'the others are for tests: nothing is ever flushed',
  },
  innodb_force_recovery: { keeps: ['0'], why: 'it is for repairs by hand' },
  innodb_read_only: { keeps: ['off'], why: 'whoever is promoted has to take writes' },
  binlog_format: { keeps: ['row'], why: 'statements may mean something else on a replica' },
  skip_grant_tables: { keeps: ['off'], why: 'then anybody may do anything' },
  ...all(
    [
      ...['log_bin', 'skip_log_bin', 'sql_log_bin', 'read_only', 'super_read_only', 'server_id'],
      ...['log_slave_updates', 'log_replica_updates', 'skip_slave_start', 'skip_replica_start'],
      ...['slave_skip_errors', 'replica_skip_errors', 'sql_slave_skip_counter'],
      ...['relay_log_recovery', 'relay_log_purge', 'master_info_repository'],
      ...['relay_log_info_repository', 'init_slave', 'init_replica', 'report_host', 'report_port'],
    ],
    role,
  ),
  ...all(
    [
      ...['replicate_do_db', 'replicate_ignore_db', 'replicate_do_table', 'replicate_ignore_table'],
      ...['replicate_wild_do_table', 'replicate_wild_ignore_table', 'replicate_rewrite_db'],
      ...['binlog_do_db', 'binlog_ignore_db'],
    ],
    'a replica that does not have everything cannot be promoted',
  ),
  ...all(['slave_net_timeout', 'replica_net_timeout'], notice),
  ...all(['port', 'bind_address', 'socket', 'datadir', 'tmpdir', 'pid_file'], place),
  ...all(['skip_networking'], place),
}

const mariadb: Settings = {
  ...innodb,
  gtid_strict_mode: { keeps: on, why: 'without it histories that parted are joined unnoticed' },
  sync_relay_log: { keeps: ['1'], why: 'a replica has to have on disk what it acknowledges' },
  event_scheduler: { keeps: ['off'], why: 'an event on a replica would write' },
  encrypt_binlog: { keeps: ['off'], why: 'what a stopped server has is read from its binary log' },
  skip_name_resolve: { keeps: on, why: 'a name server must not decide who is let in' },
  ...all(
    [
      ...['gtid_domain_id', 'gtid_slave_pos', 'gtid_binlog_state', 'gtid_ignore_duplicates'],
      ...['rpl_semi_sync_master_enabled', 'rpl_semi_sync_slave_enabled', 'init_rpl_role'],
      ...['rpl_semi_sync_master_timeout', 'rpl_semi_sync_master_wait_point'],
      ...['rpl_semi_sync_master_wait_no_slave', 'rpl_semi_sync_slave_kill_conn_timeout'],
      ...['replicate_same_server_id', 'report_user', 'report_password', 'show_slave_auth_info'],
      ...['master_verify_checksum', 'binlog_storage_engine', 'tc_heuristic_recover', 'init_file'],
    ],
    role,
  ),
  ...all(
    [
      ...['user', 'log_bin_index', 'relay_log', 'relay_log_index', 'relay_log_info_file'],
      ...['master_info_file', 'log_error', 'innodb_data_home_dir', 'innodb_log_group_home_dir'],
      'plugin_dir',
    ],
    place,
  ),
}

const mysql: Settings = {
  ...innodb,
  gtid_mode: { keeps: on, why: 'members are told apart by what they have, and that by its GTIDs' },
  enforce_gtid_consistency: { keeps: on, why: 'without it a statement may have no GTID' },
  sync_relay_log: { keeps: ['1'], why: 'a replica has to have on disk what it acknowledges' },
  event_scheduler: { keeps: ['off'], why: 'an event on a replica would write' },
  binlog_encryption: { keeps: ['off'], why: 'what is set aside is read from its binary log' },
  skip_name_resolve: { keeps: on, why: 'a name server must not decide who is let in' },
  persisted_globals_load: { keeps: ['off'], why: 'settings stand in the file, and nowhere else' },
  mysqlx: { keeps: ['off'], why: 'it is a second door, which nobody watches' },
  ...all(
    [
      ...['replica_preserve_commit_order', 'slave_preserve_commit_order', 'report_user'],
      ...['report_password', 'show_replica_auth_info', 'show_slave_auth_info', 'init_connect'],
      ...['replicate_same_server_id', 'tc_heuristic_recover', 'init_file', 'plugin_load'],
      ...['plugin_load_add', 'upgrade', 'initialize', 'initialize_insecure', 'daemonize'],
      ...['gtid_purged', 'gtid_executed', 'group_replication_group_name'],
      ...['rpl_semi_sync_source_enabled', 'rpl_semi_sync_replica_enabled'],
      ...['rpl_semi_sync_source_timeout', 'rpl_semi_sync_source_wait_point'],
      ...['rpl_semi_sync_source_wait_for_replica_count'],
      ...['rpl_semi_sync_source_wait_no_replica'],
      ...['rpl_semi_sync_master_enabled', 'rpl_semi_sync_slave_enabled'],
      ...['rpl_semi_sync_master_timeout', 'rpl_semi_sync_master_wait_point'],
      ...['rpl_semi_sync_master_wait_for_slave_count', 'rpl_semi_sync_master_wait_no_slave'],
    ],
    role,
  ),
  ...all(
    [
      ...['server_uuid', 'user', 'log_bin_index', 'relay_log', 'relay_log_index', 'log_error'],
      ...['admin_address', 'innodb_data_home_dir', 'innodb_log_group_home_dir', 'disable_log_bin'],
      ...['innodb_undo_directory', 'plugin_dir', 'basedir'],
    ],
    place,
  ),
}

/** The settings of each engine that the file may not have as it likes, by their plain names. */
export const durableSettings: Readonly<Record<EngineName, Settings>> = {
  postgresql,
  mariadb,
  mysql,
}

/** `Sync-Binlog` is `sync_binlog`: servers take letters of any size, MySQL’s both dashes. */
export const plainSetting = (name: string): string => name.toLowerCase().replaceAll('-', '_')

/** How servers write the two ends of a switch. */
const switches: Readonly<Record<string, readonly string[]>> = {
  on: ['on', 'true', 'yes', '1'],
  off: ['off', 'false', 'no', '0'],
}

/** A setting that defeats what the file promises, and what would not. */
export interface Defeat {
  readonly why: string
  /** What it may be; none: the file leaves it out. */
  readonly keeps: readonly string[]
}

/** Why the file may not set `name` to `value`; `undefined` where it may. */
export function defeats(
  engine: EngineName,
  name: string,
  value: string,
  durability: Durability,
): Defeat | undefined {
  const known = durableSettings[engine]
  const plain = plainSetting(name)
  const setting = Object.hasOwn(known, plain) ? known[plain] : undefined
  if (setting === undefined) return undefined
  const keeps = [...setting.keeps, ...(durability === 'async' ? (setting.asyncToo ?? []) : [])]
  const said = value.trim().toLowerCase()
  const accepted = keeps.flatMap((one) => [one, ...(switches[one] ?? [])])
  return accepted.includes(said) ? undefined : { why: setting.why, keeps: setting.keeps }
}

/**
 * Whether the file asks that members know each other by certificates; `undefined`: all of them are
 * on one machine, and nothing is asked.
 */
export function wantedEncryption(
  plan: Pick<DatabasePlan, 'members' | 'tls'>,
): 'plain' | 'required' | undefined {
  const { members, tls } = plan
  if (members.some(({ machine }) => machine === undefined)) return undefined
  return (tls ?? !isTakenOver(plan)) ? 'required' : 'plain'
}

/** Servers that somebody else set up go on as they were, until the file says otherwise. */
export const isTakenOver = ({ members }: Pick<DatabasePlan, 'members'>): boolean =>
  members.some(({ adopt }) => adopt !== undefined)

/** Why a setting has no say where they do; `undefined`: it has. */
export function defeatsCertificates(name: string): string | undefined {
  const plain = plainSetting(name)
  if (!/^(loose_)?(ssl(_.*)?|tls_.*|require_secure_transport)$/.test(plain)) return undefined
  return 'members on several machines show certificates of the cluster, and take no others'
}
