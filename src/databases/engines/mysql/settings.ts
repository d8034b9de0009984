// Which settings does durability rest on, and what does a server's configuration say? Pure.

import { defeats } from '../../durable-settings.ts'
import {
  canonicalName,
  optionLines,
  placeLines,
  type ServerPlace,
} from '../mysql-kin/option-file.ts'
import { semiSetting, type Words } from './words.ts'

/** The settings that no file can change, in the order in which they are written. */
export const enforcedSettings = (words: Words): readonly (readonly [string, string])[] => [
  // No server starts so that clients could write, whoever they are.
  ['read_only', 'ON'],
  ['super_read_only', 'ON'],
  // Whom it receives from is decided anew at each start; an event on a replica would write.
  [words.skipReplicaStart, 'ON'],
  ['event_scheduler', 'OFF'],
  ['gtid_mode', 'ON'],
  ['enforce_gtid_consistency', 'ON'],
  ['binlog_format', 'ROW'],
  [words.logReplicaUpdates, 'ON'],
  [words.preserveCommitOrder, 'ON'],
  // An acknowledged write is on disk, here and where it was acknowledged.
  ['sync_binlog', '1'],
  ['innodb_flush_log_at_trx_commit', '1'],
  ['innodb_doublewrite', 'ON'],
  ['sync_relay_log', '1'],
  // It would throw away what was received and not applied.
  ['relay_log_recovery', 'OFF'],
  ['relay_log_purge', 'ON'],
  ['binlog_encryption', 'OFF'],
  [words.semiSource, 'OFF'],
  [words.semiReplica, 'OFF'],
  [semiSetting(words, 'wait_point'), 'AFTER_SYNC'],
  [semiSetting(words, 'timeout'), '4294967295'],
  [words.waitForNobody, 'ON'],
  ['skip_name_resolve', 'ON'],
  // What `SET PERSIST` left in the data would count more than all of this.
  ['persisted_globals_load', 'OFF'],
  // A second door, which nobody watches.
  ['mysqlx', 'OFF'],
]

/** Whether a file may have this setting. */
export function isAllowed(words: Words, name: string, value: string): boolean {
  const asked = canonicalName(name)
  if (!/^[a-z][a-z0-9_.]*$/.test(asked) || /[\n\r]/.test(value)) return false
  const bare = asked.replace(/^(skip_)+/, '')
  const isEnforced = enforcedSettings(words).some(([own]) => own.replace(/^(skip_)+/, '') === bare)
  return !isEnforced && defeats('mysql', asked, value, 'quorum') === undefined
}

/** What no file may say, a server that was taken over has loaded before. */
const inheritedLibraries = ({ plugin_load_add: said = '' }: Readonly<Record<string, string>>) =>
  said.split(';').filter((each) => /^[\w.-]+$/.test(each))

/** The names of its binary and relay logs. */
export const binaryLog = 'binlog'

/** The text of its configuration: no secret is in it. */
export function configurationOf(
  place: ServerPlace,
  settings: Readonly<Record<string, string>>,
  words: Words,
): string {
  const asked = Object.entries(settings).filter(([name, value]) => isAllowed(words, name, value))
  const lines: readonly (readonly [string, string])[] = [
    // A silent primary is noticed, and a heartbeat heard, within seconds.
    [words.replicaNetTimeout, '5'],
    ['max_binlog_size', '134217728'],
    ['binlog_expire_logs_seconds', '604800'],
    // Where packages have it, the folder may be missing: then no server would start.
    ['secure_file_priv', 'NULL'],
    ...asked,
    ['plugin_load_add', [...words.libraries, ...inheritedLibraries(settings)].join(';')],
    ...enforcedSettings(words),
    ...placeLines(place),
    [words.showReplicaAuthInfo, 'ON'],
    // In the data, by names that hold wherever a folder is moved to: an index lists them as given.
    ['log_bin', binaryLog],
    ['relay_log', 'relay'],
  ]
  return optionLines('mysqld', lines)
}
