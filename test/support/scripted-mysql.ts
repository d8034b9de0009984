// A server of MySQL in name only: it speaks the protocol, remembers every statement, and answers by
// what a test says of its state. What it does not know it refuses, so that nothing goes unseen.

import { mkdirSync } from 'node:fs'
import type { AddressInfo, Server, Socket } from 'node:net'
import { join } from 'node:path'
import mysql2, { type Connection } from 'mysql2'
import type { ServerHost, ServerProcess } from '../../src/databases/host.ts'
import { packetOf } from '../../src/wire/mysql/packets.ts'

const binlogDump = 0x1e

/** What it says of itself; statements change some of it. */
export interface ScriptedState {
  isShut: boolean
  readOnly: boolean
  executed: string
  epoch: number
  identity: string | undefined
  folder: string
  /** What it received, of whom it follows; `undefined`: of nobody. */
  retrieved: string | undefined
  io: 'Yes' | 'No' | 'Connecting'
  isApplying: boolean
  ioError: number
  semiSync: boolean
  /** By user: whether it is locked. */
  accounts: Map<string, boolean>
  /** By user: what is kept of the password. */
  verifiers: Map<string, string>
  /** Users who have to show a certificate. */
  certified: Set<string>
  source: { host: string; port: number; user: string } | undefined
  /** What else is said of that, one for each channel. */
  links: Rows
  /** By user: the number of the error that is met. */
  denied: Map<string, number>
  purged: string
  /** The events of its log, as it sends them to whoever asks. */
  log: readonly Buffer[]
}

export type Rows = readonly Readonly<Record<string, unknown>>[]
type Answer = Rows | 'done' | { readonly errno: number; readonly message: string }

/** What is answered to statements that begin so, without regard to blanks. */
export type Answers = readonly (readonly [RegExp, (state: ScriptedState, sql: string) => Answer])[]

const answers: Answers = [
  [
    /^SELECT @@global\.super_read_only AS shut/,
    ({ isShut, readOnly, executed, folder }) => [
      { shut: isShut ? 1 : 0, readOnly: readOnly ? 1 : 0, executed, folder: `${folder}/` },
    ],
  ],
  [/^SELECT MAX\(epoch\)/, ({ epoch }) => [{ line: epoch === 0 ? null : epoch }]],
  [/^SHOW REPLICA STATUS/, (state) => replicaStatus(state)],
  [/^SELECT COUNT_RECEIVED_HEARTBEATS/, () => [{ beats: 1, last: '' }]],
  [/^SELECT MAX\(TIMESTAMPDIFF/, () => [{ old: null }]],
  [
    /^SELECT User AS user, Host AS host, account_locked/,
    ({ accounts, verifiers, certified }) =>
      [...accounts].map(([user, is]) => ({
        ...{ user, host: '%', locked: is ? 'Y' : 'N', plugin: 'caching_sha2_password' },
        verifier: verifiers.get(user) ?? '',
        certified: certified.has(user) ? 'X509' : '',
      })),
  ],
  [/^SELECT ID AS id, USER AS user FROM information_schema\.PROCESSLIST/, () => []],
  [/^SELECT USER AS user, COMMAND AS command/, () => []],
  [/^SELECT USER AS user FROM information_schema\.PROCESSLIST WHERE COMMAND/, () => []],
  [/^SELECT id FROM alwayson\.identity/, ({ identity }) => identityOf(identity)],
  [/^SELECT @@global\.\w+ AS waits/, ({ semiSync }) => [{ waits: semiSync ? 1 : 0, needed: 1 }]],
  [/^SHOW GLOBAL STATUS LIKE/, ({ semiSync }) => [{ Value: semiSync ? 'ON' : 'OFF' }]],
  [/^SELECT TABLE_NAME FROM information_schema/, () => []],
  [/^SELECT 1/, () => [{ 1: 1 }]],
  [
    /^(CREATE|ALTER) USER '([^']+)'@'%' IDENTIFIED WITH caching_sha2_password AS '(.+)'/,
    changed(makeAccount),
  ],
  [/^ALTER USER '([^']+)'@'%' ACCOUNT (UN)?LOCK/, changed(lockAccount)],
  [/^ALTER USER '([^']+)'@'%' REQUIRE X509/, changed((s, [, user = '']) => s.certified.add(user))],
  [/^CREATE USER '[^']+'@'localhost' IDENTIFIED/, () => 'done'],
  [
    /^SELECT @@global\.gtid_executed AS executed, @@global\.gtid_purged/,
    ({ executed, purged }) => [{ executed, purged }],
  ],
  [/^SET GLOBAL super_read_only = (ON|OFF)/, changed((s, [, on]) => (s.isShut = on === 'ON'))],
  [/^SET GLOBAL read_only = (ON|OFF)/, changed((s, [, on]) => (s.readOnly = on === 'ON'))],
  [/^SET GLOBAL rpl_semi_sync_source_enabled = (ON|OFF)/, changed(setSemiSync)],
  [/^STOP REPLICA IO_THREAD/, changed((s) => (s.io = 'No'))],
  [/^STOP REPLICA$/, changed((s) => Object.assign(s, { io: 'No', isApplying: false }))],
  [/^START REPLICA SQL_THREAD/, changed((s) => (s.isApplying = true))],
  [/^START REPLICA$/, changed((s) => Object.assign(s, { io: 'Yes', isApplying: true }))],
  [/^RESET REPLICA ALL/, changed((s) => Object.assign(s, { source: undefined }))],
  [/^REPLACE INTO alwayson\.epoch .*VALUES \((\d+)/, changed((s, [, n]) => (s.epoch = Number(n)))],
  [/^CHANGE REPLICATION SOURCE TO SOURCE_HOST = '([^']+)', SOURCE_PORT = (\d+),/, changed(follow)],
  [
    /^(SET (SESSION|GLOBAL|@\w+)|GRANT|CREATE (DATABASE|TABLE) IF NOT EXISTS|INSERT IGNORE|KILL) /,
    () => 'done',
  ],
]

function changed(change: (state: ScriptedState, match: RegExpExecArray) => unknown) {
  return (state: ScriptedState, _sql: string, match?: RegExpExecArray): Answer => {
    if (match !== undefined) change(state, match)
    return 'done'
  }
}

function makeAccount(state: ScriptedState, [, , user = '', kept = '']: RegExpExecArray): void {
  state.verifiers.set(user, kept)
  if (!state.accounts.has(user)) state.accounts.set(user, false)
}

function lockAccount(state: ScriptedState, [, user = '', un]: RegExpExecArray): void {
  state.accounts.set(user, un === undefined)
}

function setSemiSync(state: ScriptedState, [, on]: RegExpExecArray): void {
  state.semiSync = on === 'ON'
}

function follow(state: ScriptedState, [sql, host = '', port = '']: RegExpExecArray): void {
  const user = /SOURCE_USER = '([^']+)'/.exec(sql)?.[1] ?? ''
  state.source = { host, port: Number(port), user }
}

const identityOf = (identity: string | undefined): Answer =>
  identity === undefined
    ? { errno: 1146, message: 'Table alwayson.identity does not exist' }
    : [{ id: identity }]

/** What was received is applied by the second look at it, if somebody applies. */
function replicaStatus(state: ScriptedState): Rows {
  const { source, retrieved, io, isApplying, ioError } = state
  if (source === undefined) return []
  const row = {
    ...{ Source_Host: source.host, Source_Port: source.port, Source_User: source.user },
    ...{ Replica_IO_Running: io, Replica_SQL_Running: isApplying ? 'Yes' : 'No' },
    ...{ Retrieved_Gtid_Set: retrieved ?? '', Last_IO_Errno: ioError, Last_IO_Error: '' },
    ...{ Last_SQL_Errno: 0, Last_SQL_Error: '', Source_Log_File: 'x', Read_Source_Log_Pos: 4 },
  }
  if (isApplying && retrieved !== undefined) state.executed = retrieved
  return state.links.map((link) => ({ ...row, ...link }))
}

export class ScriptedMysql implements AsyncDisposable {
  readonly state: ScriptedState
  /** What was said to it, but for looks. */
  readonly said: string[] = []
  /** Every COM_BINLOG_DUMP_GTID that came, with its header. */
  readonly dumps: Buffer[] = []
  readonly #servers: ReturnType<typeof mysql2.createServer>[] = []
  readonly #answers: Answers
  #connections = 0
  port = 0

  /** `more` is looked through first. */
  constructor(state: Partial<ScriptedState>, more: Answers = []) {
    this.#answers = [...more, ...answers]
    this.state = {
      ...{ isShut: true, readOnly: true, executed: '', epoch: 0, identity: undefined },
      ...{ folder: '', retrieved: undefined, io: 'No', isApplying: false, ioError: 0 },
      ...{
        semiSync: false,
        accounts: new Map(),
        verifiers: new Map(),
        certified: new Set(),
        source: undefined,
      },
      ...{ purged: '', log: [], links: [{}], denied: new Map() },
      ...state,
    }
  }

  /** Listens at a port of loopback, and at a socket in `run` if that is said. */
  async open(run?: string): Promise<void> {
    await this.#listen(0)
    if (run === undefined) return
    mkdirSync(run, { recursive: true })
    await this.#listen(join(run, 'sql.sock'))
  }

  async #listen(at: number | string): Promise<void> {
    const server = mysql2.createServer(() => undefined)
    server.on('connection', (connection: Connection) => this.#greet(connection))
    this.#servers.push(server)
    const { _server: inner } = server as unknown as Listening
    await new Promise<void>((resolve) => {
      inner.once('listening', resolve)
      if (typeof at === 'string') inner.listen(at)
      else inner.listen(at, '127.0.0.1')
    })
    const address = inner.address()
    if (typeof address === 'object') this.port = (address as AddressInfo).port
  }

  #greet(connection: Connection): void {
    const client = connection as unknown as ServerSide
    client.on('error', () => undefined)
    client.serverHandshake({
      ...{ protocolVersion: 10, serverVersion: '8.0.36', connectionId: ++this.#connections },
      ...{ statusFlags: 2, characterSet: 33, capabilityFlags: 0x08_a2_08 },
      authCallback: ({ user }, done) => {
        const locked = this.state.accounts.get(user) === true ? 3118 : undefined
        const code = locked ?? this.state.denied.get(user)
        done(null, code === undefined ? undefined : { message: 'nobody lets you in', code })
        client.sequenceId = 0
      },
    })
    client.on('packet', (packet, _known, command) => {
      if (command === binlogDump)
        this.#send(client, packet.buffer.subarray(packet.start, packet.end))
    })
    // The driver tells of SET as if something were prepared by it.
    for (const event of ['query', 'stmt_prepare'] as const) {
      client.on(event, (sql) => {
        this.#answer(client, sql)
        // The next statement begins to count anew.
        client.sequenceId = 0
      })
    }
  }

  /** Its whole log, each event behind a zero, to whoever asked for any of it. */
  #send(client: ServerSide, request: Buffer): void {
    this.dumps.push(Buffer.from(request))
    for (const [at, event] of this.state.log.entries()) {
      client.stream.write(packetOf((at + 1) & 0xff, Buffer.concat([Buffer.alloc(1), event])))
    }
  }

  #answer(client: ServerSide, text: string): void {
    const sql = text.replaceAll(/\s+/g, ' ').trim()
    if (!/^(SELECT|SHOW) /.test(sql)) this.said.push(sql)
    const found = this.#answers.find(([begins]) => begins.test(sql))
    if (found === undefined) {
      return client.writeError({ code: 1064, message: `nobody expected: ${sql}` })
    }
    const [begins, answer] = found
    const match = begins.exec(sql) ?? undefined
    const given = (answer as (s: ScriptedState, q: string, m?: RegExpExecArray) => Answer)(
      this.state,
      sql,
      match && Object.assign(match, { 0: sql }),
    )
    if (given === 'done') return client.writeOk({ affectedRows: 1 })
    if ('errno' in given) return client.writeError({ code: given.errno, message: given.message })
    const names = Object.keys(given[0] ?? { nothing: null })
    client.writeTextResult(given, names.map(column))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { _server: inner } of this.#servers as unknown as Listening[]) inner.close()
  }
}

/** What the driver's server is behind its name. */
interface Listening {
  readonly _server: Server
}

const column = (name: string) => ({
  ...{ catalog: 'def', schema: '', table: '', orgTable: '', name, orgName: name },
  ...{ characterSet: 33, columnLength: 1024, columnType: 253, flags: 0, decimals: 0 },
})

/** A packet as the driver has it: a part of a larger buffer. */
interface DriverPacket {
  readonly buffer: Buffer
  readonly start: number
  readonly end: number
}

/** The other end of a connection, which the driver has and does not describe. */
interface ServerSide {
  sequenceId: number
  readonly stream: Socket
  on(
    event: 'packet',
    listener: (packet: DriverPacket, known: boolean, command: number) => void,
  ): void
  on(event: 'query' | 'stmt_prepare', listener: (sql: string) => void): void
  on(event: 'error', listener: () => void): void
  serverHandshake(greeting: {
    readonly authCallback: (
      who: { readonly user: string },
      done: (failed: null, refused?: { message: string; code: number }) => void,
    ) => void
    readonly [word: string]: unknown
  }): void
  writeOk(what: { readonly affectedRows: number }): void
  writeError(what: { readonly code: number; readonly message: string }): void
  writeTextResult(rows: Rows, columns: readonly object[]): void
}

/** A host whose server runs already, and is only remembered to have been ended. */
export class ScriptedHost implements ServerHost {
  readonly ended: NodeJS.Signals[] = []

  observe(): ServerProcess {
    return { kind: 'running', pid: 1, since: 0 as never }
  }

  async start(): Promise<void> {}

  async signal(): Promise<void> {}

  async end(signal: NodeJS.Signals): Promise<void> {
    this.ended.push(signal)
  }

  renew(): void {}

  onChange(): Disposable {
    return { [Symbol.dispose]: () => undefined }
  }
}
