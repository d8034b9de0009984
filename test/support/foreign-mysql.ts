// A MySQL that somebody else has set up, in name only: what it says of itself to whoever looks at
// it before it is taken over. None of this says that MySQL does what its manual promises.

import { type Answers, type Rows, ScriptedMysql, type ScriptedState } from './scripted-mysql.ts'

/** What everybody may do whose GRANT ALL was written out by a server of 8.0. */
const everything = [
  ...['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'DROP', 'RELOAD', 'SHUTDOWN', 'PROCESS'],
  ...['FILE', 'INDEX', 'ALTER', 'SUPER', 'LOCK TABLES', 'EXECUTE', 'REPLICATION SLAVE'],
  ...['REPLICATION CLIENT', 'CREATE USER', 'EVENT', 'TRIGGER', 'SYSTEM_VARIABLES_ADMIN'],
  ...['REPLICATION_SLAVE_ADMIN', 'CONNECTION_ADMIN', 'BACKUP_ADMIN', 'CLONE_ADMIN', 'SYSTEM_USER'],
]

/** What it was set up with; a test changes some of it. */
export interface ForeignFacts {
  version: string
  privileges: readonly string[]
  serverId: number
  gtids: string
  logs: number
  encrypts: number
  /** Where its binary logs and their index are. */
  log: string
  index: string
  /** What it calls itself to a primary. */
  own: string | null
  /** A part of its data that is elsewhere. */
  history: string
  files: readonly string[]
  /** Its binary log leaves these out. */
  ignored: string
  /** Settings, and where each comes from. */
  settings: Readonly<Record<string, readonly [value: string, source: string]>>
  plugins: readonly { readonly name: string; readonly library: string }[]
  /** Plugins that are installed in its data. */
  installed: readonly string[]
  nameless: boolean
  replicas: Rows
  clients: readonly number[]
  /** The error that a global read lock meets. */
  busy: number | undefined
}

export class ForeignMysql extends ScriptedMysql {
  readonly facts: ForeignFacts

  constructor(state: Partial<ScriptedState>, facts: Partial<ForeignFacts> = {}) {
    const all: ForeignFacts = {
      ...{ version: '8.0.36', privileges: everything, serverId: 101, gtids: 'ON', logs: 1 },
      ...{ encrypts: 0, log: '/var/lib/mysql/binlog', index: '/var/lib/mysql/binlog.index' },
      ...{ own: null, history: './', files: [], ignored: '', settings: {}, plugins: [] },
      ...{ installed: [], nameless: false, replicas: [], clients: [], busy: undefined },
      ...facts,
    }
    super({ isShut: false, readOnly: false, folder: '/var/lib/mysql', ...state }, answersOf(all))
    this.facts = all
  }
}

const answersOf = (facts: ForeignFacts): Answers => [
  [
    /^SELECT VERSION\(\) AS version, CURRENT_USER\(\)/,
    () => [{ version: facts.version, me: 'root@%' }],
  ],
  [
    /^SELECT VERSION\(\) AS version, @@global\.log_bin_basename/,
    () => [{ version: facts.version, log: facts.log, logs: facts.index }],
  ],
  [
    /^SELECT PRIVILEGE_TYPE .* GRANTEE = '\\'root\\'@\\'%\\''/,
    () => facts.privileges.map((privilege) => ({ privilege })),
  ],
  [/^SELECT @@global\.report_user/, () => [{ own: facts.own }]],
  [/^SHOW GLOBAL VARIABLES LIKE/, ({ semiSync }) => [{ Value: semiSync ? 'ON' : 'OFF' }]],
  [/^SHOW REPLICAS/, () => facts.replicas],
  [
    /^SHOW (MASTER|BINARY LOG) STATUS/,
    () => [{ Binlog_Do_DB: '', Binlog_Ignore_DB: facts.ignored }],
  ],
  [
    /^SELECT @@global\.server_id AS id, @@global\.log_bin/,
    ({ folder }) => [
      {
        ...{ id: facts.serverId, logs: facts.logs, gtids: facts.gtids, encrypts: facts.encrypts },
        ...{ folder: `${folder}/`, spaces: null, redo: './', history: facts.history },
        doubles: null,
      },
    ],
  ],
  [/^SELECT DISTINCT FILE_NAME/, () => facts.files.map((path) => ({ path }))],
  [/^SELECT @@global\.gtid_executed AS (at|has)$/, ({ executed: at }) => [{ at, has: at }]],
  [
    /^SELECT i\.VARIABLE_NAME/,
    () =>
      Object.entries(facts.settings)
        .filter(([, [, source]]) => source !== 'COMPILED')
        .map(([name, [value]]) => ({ name, value })),
  ],
  [
    /^SELECT VARIABLE_NAME/,
    () => [
      ...Object.entries(facts.settings).map(([name, [value]]) => ({ name, value })),
      ...[{ name: 'server_id', value: String(facts.serverId) }],
      ...[{ name: 'log_bin_basename', value: facts.log }],
      ...[{ name: 'socket', value: '/run/mysqld/mysqld.sock' }],
    ],
  ],
  [
    /^SELECT DISTINCT PLUGIN_LIBRARY/,
    () =>
      facts.plugins
        .filter(({ name }) => !facts.installed.includes(name))
        .map(({ library }) => ({ library })),
  ],
  [
    /^SELECT PLUGIN_NAME/,
    () => facts.plugins.filter(({ name }) => /^(group_replication|keyring)/.test(name)),
  ],
  [
    /^SELECT name FROM mysql\.plugin/,
    () => facts.installed.filter((each) => /master|slave/.test(each)).map((name) => ({ name })),
  ],
  [/^SELECT Host FROM mysql\.user/, () => (facts.nameless ? [{ Host: 'localhost' }] : [])],
  [
    /^SELECT ID AS id FROM information_schema\.PROCESSLIST/,
    () => facts.clients.map((id) => ({ id })),
  ],
  [
    /^FLUSH TABLES WITH READ LOCK/,
    () => (facts.busy === undefined ? 'done' : { errno: facts.busy, message: 'it is busy' }),
  ],
  [
    /^INSERT IGNORE INTO alwayson\.identity/,
    (state) => {
      state.identity ??= 'made'
      return 'done'
    },
  ],
]
