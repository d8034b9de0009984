// One member's server, of MariaDB or MySQL: a process and a socket. Knows how it is asked and
// ended; how it is started is its engine's to say.

import { chownSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { readWhole } from '../../../control/whole-file.ts'
import { Fault } from '../../../foundation/fault.ts'
import { type Milliseconds, ms } from '../../../foundation/time.ts'
import type { MemberOptions } from '../../engine.ts'
import type { ServerProcess } from '../../host.ts'
import { putTlsFiles, shownBy, type TlsFiles, tlsFilesIn } from '../../member-tls.ts'
import { LentSessions } from '../lent-sessions.ts'
import type { Product } from './data-folder.ts'
import { assertOwned, makeFolder, type Owner } from './processes.ts'
import { isUnreachable, type Row, Session } from './session.ts'

/** The name of its socket in the folder `run`. */
export const socketName = 'sql.sock'

/** Between two looks at a server that starts or ends. */
const pauseBetween = 20
/** A server that is alive answers its socket within this, also on a busy machine. */
const answerWithin = 5000

/** What a connection is kept for. */
export type Use = 'orders' | 'help'

/** What a server is started with. */
export interface KinLaunch {
  readonly program: string
  /** The text of its configuration: no secret is in it. */
  readonly configuration: string
  readonly args: readonly string[]
  readonly data: string
}

export abstract class KinServer implements Disposable {
  readonly options: MemberOptions
  readonly owner: Owner | undefined
  /** The member's place in the file, from 0. */
  readonly index: number
  readonly socket: string
  /** What looks are taken on. */
  readonly looks = new LentSessions((signal) => this.connect(signal))
  readonly #sessions = new Map<Use, Session>()
  /** The certificate that the server shows, where that is known. */
  #shown: string | undefined

  constructor(options: MemberOptions, owner: Owner | undefined) {
    this.options = options
    this.owner = owner
    this.index = options.peers.findIndex(({ member }) => member === options.member)
    this.socket = join(options.run, socketName)
  }

  /** The programs that it is started by. */
  abstract get product(): Product

  get process(): ServerProcess {
    return this.options.host.observe()
  }

  /** Its own: in a shared one a server that starts deletes what another is using. */
  get temporary(): string {
    return `${this.options.data}.tmp`
  }

  get isRunning(): boolean {
    return this.process.kind === 'running'
  }

  /** What a running server has in force; written anew at each start. */
  get configurationFile(): string {
    return join(this.options.run, 'server.cnf')
  }

  /** Where its certificate is, if it needs one. */
  get tlsFiles(): TlsFiles | undefined {
    return shownBy(this.options) === undefined ? undefined : tlsFilesIn(this.options.run)
  }

  /** Puts its certificate where it is read; what is there then. */
  #putTls(): string | undefined {
    const { run } = this.options
    const shown = shownBy(this.options)
    if (shown === undefined) return undefined
    const certificate = shown()
    putTlsFiles(run, certificate, this.owner)
    return certificate.cert
  }

  /** Has a running server show the certificate of now: `reload` makes it read that anew. */
  async renewTls(reload: string, signal: AbortSignal): Promise<void> {
    const certificate = this.#putTls()
    if (certificate === this.#shown) return
    // One that was started without any shows none before it is started anew.
    if (!/^ssl_cert = /m.test(readWhole(this.configurationFile) ?? '')) return
    await this.query(reload, signal)
    this.#shown = certificate
  }

  /** Starts it unless it runs; resolves when it answers. */
  protected async launch(
    { program, configuration, args, data }: KinLaunch,
    signal: AbortSignal,
  ): Promise<void> {
    const { run, host } = this.options
    if (!this.isRunning) {
      assertOwned(data, this.owner)
      makeFolder(run, this.owner)
      makeFolder(this.temporary, this.owner)
      this.#shown = this.#putTls()
      const file = this.configurationFile
      writeFileSync(file, configuration, { mode: 0o600 })
      if (this.owner !== undefined) chownSync(file, this.owner.uid, this.owner.gid)
      rmSync(this.socket, { force: true })
      await host.start({
        argv: [program, `--defaults-file=${file}`, ...args],
        cwd: data,
        env: { LC_ALL: 'C', TZ: 'UTC' },
        uid: this.owner?.uid,
        gid: this.owner?.gid,
        log: join(run, 'server.log'),
      })
    }
    await this.answers(signal)
  }

  /** Resolves when a server that is starting answers; rejects with a Fault when it ends. */
  async answers(signal: AbortSignal): Promise<void> {
    for (;;) {
      const { process } = this
      if (process.kind !== 'running') {
        const said = process.kind === 'ended' ? `: ${process.why}${this.#lastErrors()}` : ''
        throw new Fault(
          'failed',
          `the server of ${this.options.member} ended at its start${said}`,
          {
            remedy: `read ${join(this.options.run, 'server.log')}`,
          },
        )
      }
      try {
        await this.query('SELECT 1', signal)
        return
      } catch (thrown) {
        if (!isUnreachable(thrown)) throw thrown
      }
      await pause(pauseBetween, undefined, { signal })
    }
  }

  /** Why it ended, in its own words: the last lines of its log only say that it did. */
  #lastErrors(): string {
    const log = readWhole(join(this.options.run, 'server.log')) ?? ''
    const errors = log
      .slice(-20_000)
      .split('\n')
      .filter((line) => line.includes('[ERROR]') && !line.includes('Aborting'))
      .map((line) => line.replace(/^.*\[ERROR\] /, ''))
    return errors.length === 0 ? '' : `: ${errors.slice(-2).join('; ')}`
  }

  /**
   * A connection that is kept, opened when it is needed. A statement that is broken off takes it
   * along: who carries out orders or helps beside them has one of its own, and who looks, too.
   */
  async session(signal: AbortSignal, use: Use = 'orders'): Promise<Session> {
    const kept = this.#sessions.get(use)
    if (kept?.isOver === false) return kept
    const opened = await this.connect(signal)
    // Somebody else may have asked for it meanwhile.
    const other = this.#sessions.get(use)
    if (other?.isOver === false) opened[Symbol.dispose]()
    else this.#sessions.set(use, opened)
    return this.#sessions.get(use) ?? opened
  }

  /** A new connection as the administrator, whose statements are in no log of the server. */
  async connect(signal: AbortSignal): Promise<Session> {
    const session = await Session.open({ socket: this.socket }, this.options.accounts.admin, signal)
    await session.query('SET SESSION sql_log_off = ON, slow_query_log = OFF', signal)
    return session
  }

  async query(
    sql: string,
    signal: AbortSignal,
    values: readonly unknown[] = [],
  ): Promise<readonly Row[]> {
    return await (await this.session(signal)).query(sql, signal, values)
  }

  async one(sql: string, signal: AbortSignal, values: readonly unknown[] = []): Promise<Row> {
    return await (await this.session(signal)).one(sql, signal, values)
  }

  /** Whether it answers at all; a hung one does not. */
  async isAnswering(signal: AbortSignal): Promise<boolean> {
    const within = AbortSignal.any([signal, AbortSignal.timeout(answerWithin)])
    try {
      await this.query('SELECT 1', within)
      return true
    } catch {
      signal.throwIfAborted()
      return false
    }
  }

  /** Ends it at once: what nobody has acknowledged then stays unfinished on its disk. */
  async kill(): Promise<void> {
    this.disconnect()
    await this.options.host.end('SIGKILL', ms(0))
  }

  async end(within: Milliseconds): Promise<void> {
    this.disconnect()
    await this.options.host.end('SIGTERM', within)
  }

  disconnect(): void {
    this.looks.drop()
    for (const session of this.#sessions.values()) session[Symbol.dispose]()
    this.#sessions.clear()
  }

  [Symbol.dispose](): void {
    this.disconnect()
    this.looks[Symbol.dispose]()
  }
}
