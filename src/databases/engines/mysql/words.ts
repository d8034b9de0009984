// How is the same thing called by different versions of MySQL? Pure; by the manuals of 8.0 and 8.4.
//
// "source" and "replica" came with 8.0.22 to 8.0.26, and 8.4 has forgotten what was there before.

/** The words of one version. */
export interface Words {
  readonly semiSource: string
  readonly semiReplica: string
  /** How many have to acknowledge. */
  readonly waitCount: string
  readonly waitForNobody: string
  /** Whether it waits, as SHOW GLOBAL STATUS has it. */
  readonly isWaiting: string
  /** The libraries of both halves, and of the clone plugin. */
  readonly libraries: readonly string[]
  /** Settings of replication by their names in this version. */
  readonly logReplicaUpdates: string
  readonly skipReplicaStart: string
  readonly replicaNetTimeout: string
  readonly preserveCommitOrder: string
  readonly showReplicaAuthInfo: string
  /** Says which log is written, and what is left out of it. */
  readonly showLog: string
  /** Forgets all logs, and what was executed. */
  readonly resetLogs: string
}

/** `8.0.36`, as three numbers that can be compared. */
export type Version = readonly [major: number, minor: number, patch: number]

/** Reads what `SELECT VERSION()` and `mysqld --version` say; `undefined` of another server. */
export function versionIn(text: string): Version | undefined {
  if (/mariadb/i.test(text)) return undefined
  const match = /(?:^|\s)(\d+)\.(\d+)\.(\d+)/.exec(text)
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])]
}

export const isAtLeast = (version: Version, least: Version): boolean => {
  const at = version.findIndex((part, index) => part !== least[index])
  return at < 0 || (version[at] ?? 0) > (least[at] ?? 0)
}

/** `CHANGE REPLICATION SOURCE TO` came with it; what is older is no longer maintained. */
export const oldest: Version = [8, 0, 23]

/** Whether it has the plugins `source` and `replica`, which bear no `master` or `slave` beside. */
export const hasNewPlugins = (version: Version): boolean => isAtLeast(version, [8, 0, 26])

export function wordsOf(version: Version): Words {
  const hasLogWords = isAtLeast(version, [8, 2, 0])
  const [source, replica] = hasNewPlugins(version) ? ['source', 'replica'] : ['master', 'slave']
  return {
    semiSource: `rpl_semi_sync_${source}_enabled`,
    semiReplica: `rpl_semi_sync_${replica}_enabled`,
    waitCount: `rpl_semi_sync_${source}_wait_for_${replica}_count`,
    waitForNobody: `rpl_semi_sync_${source}_wait_no_${replica}`,
    isWaiting: `Rpl_semi_sync_${source}_status`,
    libraries: [`semisync_${source}.so`, `semisync_${replica}.so`, 'mysql_clone.so'],
    logReplicaUpdates: `log_${replica}_updates`,
    skipReplicaStart: `skip_${replica}_start`,
    replicaNetTimeout: `${replica}_net_timeout`,
    preserveCommitOrder: `${replica}_preserve_commit_order`,
    showReplicaAuthInfo: `show_${replica}_auth_info`,
    showLog: hasLogWords ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS',
    resetLogs: hasLogWords ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER',
  }
}

/** The name of the rest of a semi-sync setting: `timeout`, `wait_point`. */
export const semiSetting = ({ semiSource }: Words, rest: string): string =>
  semiSource.replace(/enabled$/, rest)
