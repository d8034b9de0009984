// One server of PostgreSQL on this machine: its files, its start as a standby, its sessions. Knows
// nothing of what it is started for.

import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { writeForNow } from '../../../control/whole-file.ts'
import { Fault } from '../../../foundation/fault.ts'
import { type Milliseconds, ms } from '../../../foundation/time.ts'
import type { MemberAddress, MemberOptions } from '../../engine.ts'
import { putTlsFiles, refusesPlain, shownBy, type TlsFiles, tlsFilesIn } from '../../member-tls.ts'
import type { AckSet } from '../../model.ts'
import { quietly } from './accounts.ts'
import { majorOf } from './check-programs.ts'
import { readControlFile } from './control-file.ts'
import { isHalf } from './half.ts'
import { clearLeftovers, dropLoneHistories } from './leftovers.ts'
import { checkWay, give, makePrivate, makeWay, type Owner, ownerFor } from './owner.ts'
import { pauseFor, within } from './patience.ts'
import { findPrograms, type Programs } from './programs.ts'
import { type Door, KeptSession, Session, sqlState } from './session.ts'
import {
  acksOfCourse,
  type Course,
  configuration,
  courseText,
  type Doors,
  doorsIn,
  hbaText,
  noAcks,
  passwordLine,
  upstreamIn,
} from './settings.ts'
import { isForNow, remedyFor, ServerLog } from './trouble.ts'

/** A Unix socket's path has to fit sockaddr_un (unix(7)). */
const socketPathMost = 107
const pollEvery = ms(5)
/** After so many looks it is told again: the clock may have been set back meanwhile. */
const reloadTries = 200
/** A few segments of the log. */
const roomLeast = 64 * 1024 * 1024

/** What the folder of the data holds. */
export type Holding = 'nothing' | 'data' | 'half' | 'other'

export class Server implements Disposable {
  readonly options: MemberOptions
  readonly owner: Owner | undefined
  readonly data: string
  readonly wal: string
  readonly log: ServerLog
  readonly passwordFile: string
  /** The set that every part of the running server goes by; `undefined`: that is not known. */
  settledAcks: AckSet | undefined
  readonly #orders = new KeptSession(async (signal) => {
    const session = await this.connect(signal)
    await session.run(quietly, signal)
    return session
  })
  readonly #streams = new KeptSession((signal) => this.connect(signal, { replication: 'database' }))
  #programs: Programs | undefined
  #segmentBytes: number | undefined
  /** What the running server was last told, as one text; `undefined` where that is not known. */
  #inForce: string | undefined
  #written = ''

  constructor(options: MemberOptions) {
    this.options = options
    this.owner = ownerFor(options.user)
    this.data = options.data
    this.wal = join(options.data, 'pg_wal')
    this.log = new ServerLog(join(options.run, 'server.log'))
    this.passwordFile = join(options.run, 'passwords')
    const path = join(options.run, `.s.PGSQL.${options.address.port}`)
    if (Buffer.byteLength(path) > socketPathMost) {
      throw new Fault('refused', `the path of the socket is too long: ${path}`, {
        remedy: `choose a shorter folder: the path has at most ${socketPathMost} bytes`,
      })
    }
  }

  get holding(): Holding {
    if (!existsSync(this.data)) return 'nothing'
    const names = readdirSync(this.data)
    if (names.length === 0) return 'nothing'
    if (isHalf(this.data)) return 'half'
    return names.includes('PG_VERSION') ? 'data' : 'other'
  }

  /** Rejects with a `Fault` if the folder holds what is not ours to touch. */
  checkFolder(): void {
    if (this.holding === 'other') throw this.notOurs
  }

  get notOurs(): Fault {
    return new Fault('refused', `${this.data} is not empty, and not PostgreSQL’s`, {
      remedy: 'name another folder with `data:`, or move what is in this one elsewhere',
    })
  }

  /** The data has been replaced by other data. */
  forget(): void {
    this.#programs = undefined
    this.#segmentBytes = undefined
  }

  async programs(): Promise<Programs> {
    if (this.#programs !== undefined) return this.#programs
    const found = await findPrograms(this.options.home, majorOf(this.data))
    checkWay(join(found.folder, 'postgres'), this.owner)
    this.#programs = found
    return found
  }

  /** The private folder, and the folder that holds the data, as the server's user needs them. */
  prepareFolders(): void {
    makePrivate(this.options.run, this.owner)
    makeWay(this.data, this.owner)
    checkWay(this.data, this.owner)
    if (!existsSync(this.data)) return
    const { uid } = lstatSync(this.data)
    const expected = this.owner?.uid ?? process.getuid?.()
    if (uid !== expected) {
      throw new Fault('refused', `${this.data} belongs to another user (${uid})`, {
        remedy: 'chown -R it to the user that the server runs as, or name that user with `user:`',
      })
    }
  }

  /** Where the certificate is that it comes to others by, if it does. */
  get dialFiles(): TlsFiles | undefined {
    return this.options.tls && tlsFilesIn(this.options.run)
  }

  get environment(): Readonly<Record<string, string>> {
    return { PATH: '/usr/bin:/bin', LC_ALL: 'C', HOME: this.options.run, TZ: 'UTC' }
  }

  get course(): { readonly upstream: MemberAddress | undefined } {
    const path = join(this.data, 'postgresql.auto.conf')
    return { upstream: existsSync(path) ? upstreamIn(readFileSync(path, 'utf8')) : undefined }
  }

  get doors(): Doors {
    const path = join(this.options.run, 'hba.conf')
    return existsSync(path) ? doorsIn(readFileSync(path, 'utf8')) : 'closed'
  }

  /** Of one file of its log; never changes for the life of a folder of data. */
  async segmentBytes(): Promise<number> {
    this.#segmentBytes ??= (await readControlFile(this.data))?.segmentBytes
    if (this.#segmentBytes !== undefined) return this.#segmentBytes
    throw new Fault('not-found', `${this.data} holds no data`, { remedy: 'copy the member anew' })
  }

  /** Whether its disk has room enough for a server to start. */
  get hasRoom(): boolean {
    const { bavail, bsize } = statfsSync(this.data)
    return bavail * bsize >= roomLeast
  }

  /**
   * Has a running server do this, and let in whom it should; resolves when whatever begins from now
   * on goes by it. Asks nothing of a server that has been asked for the same before. Whoever does
   * this beside an order asks by a session `own`: one that is given up takes its session along.
   */
  async apply(course: Course, doors: Doors, signal: AbortSignal, own?: Session): Promise<void> {
    const wanted = this.#write(course, doors)
    if (wanted === this.#inForce) return
    this.#inForce = undefined
    await this.reload(signal, own)
    // Something else may have been asked for meanwhile, beside this.
    if (this.#written === wanted) this.#inForce = wanted
  }

  /** What it does already, reached and let in as its options say now. */
  async applyAgain(signal: AbortSignal, own: Session): Promise<void> {
    const path = join(this.data, 'postgresql.auto.conf')
    if (!existsSync(path)) return
    const text = readFileSync(path, 'utf8')
    const upstream = upstreamIn(text)
    const course = { upstream, acks: acksOfCourse(text) ?? noAcks }
    await this.apply(course, this.doors, signal, own)
  }

  /** Writes what a server that starts does; returns all of it as one text. */
  #write(course: Course, doors: Doors): string {
    const { accounts, adopted, member } = this.options
    const { replication } = accounts
    const text = courseText(course, {
      user: replication.user,
      ...{ passwordFile: this.passwordFile, member, tls: this.dialFiles },
      major: majorOf(this.data) ?? 0,
    })
    const hba = hbaText(doors, accounts, adopted?.access, refusesPlain(this.options))
    this.#written = text + hba
    const isText = this.#put(join(this.data, 'postgresql.auto.conf'), text)
    const isHba = this.#put(join(this.options.run, 'hba.conf'), hba)
    // What somebody else had written there, by ALTER SYSTEM, may be in force.
    if (isText || isHba) this.#inForce = undefined
    return this.#written
  }

  /**
   * Starts it as a standby, unless it runs; resolves once it answers. The one place where a server
   * is started: whatever it was before, it takes no writes now.
   */
  async startStandby(
    upstream: MemberAddress | undefined,
    signal: AbortSignal,
    recovery?: Course['recovery'],
  ): Promise<void> {
    if (this.options.host.observe().kind !== 'running') {
      const programs = await this.programs()
      this.prepareFolders()
      await clearLeftovers(this.data, signal)
      dropLoneHistories(this.wal, await this.segmentBytes())
      this.#put(join(this.data, 'standby.signal'), '')
      rmSync(join(this.data, 'recovery.signal'), { force: true })
      this.#inForce = this.#write({ upstream, acks: noAcks, recovery }, 'open')
      await this.writeConfiguration(programs)
      this.log.begin()
      this.settledAcks = noAcks
      await this.options.host.start({
        argv: [
          join(programs.folder, 'postgres'),
          '-D',
          this.data,
          '-c',
          `config_file=${join(this.options.run, 'postgresql.conf')}`,
        ],
        cwd: this.data,
        env: this.environment,
        uid: this.owner?.uid,
        gid: this.owner?.gid,
        log: this.log.path,
      })
    }
    await this.ready(signal)
  }

  /** Resolves once the server lets us in. Rejects with a `Fault` if it ends, or never will. */
  async ready(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        const session = await this.session(signal)
        await session.query('SELECT 1', signal)
        return
      } catch (thrown) {
        if (signal.aborted) throw thrown
        const state = this.options.host.observe()
        if (state.kind !== 'running') throw this.#ended(state)
        if (!isForNow(thrown)) throw this.refusedUs(thrown)
      }
      await pauseFor(pollEvery, signal)
    }
  }

  /** That set, for whoever is about to change it: until it is told otherwise it is not known. */
  takeSettledAcks(): AckSet | undefined {
    const settled = this.settledAcks
    this.settledAcks = undefined
    return settled
  }

  /** A new session of ours through the socket. */
  connect(signal: AbortSignal, more: Partial<Door> = {}): Promise<Session> {
    const { run, address, accounts } = this.options
    const { port } = address
    const door = { host: run, port, account: accounts.admin, database: 'postgres', ...more }
    return Session.open(door, signal)
  }

  /**
   * The one that orders are carried out by: opening another takes longer than most questions. No
   * word of what it says is logged.
   */
  session(signal: AbortSignal): Promise<Session> {
    return this.#orders.get(signal)
  }

  /** One that understands commands of replication as well, and takes no values. */
  observer(signal: AbortSignal): Promise<Session> {
    return this.#streams.get(signal)
  }

  /** Resolves when whatever begins from now on goes by what the files say. */
  async reload(signal: AbortSignal, own?: Session): Promise<void> {
    const session = own ?? (await this.session(signal))
    for (;;) {
      const { at } = await session.row(
        'SELECT clock_timestamp()::text AS at, pg_reload_conf()',
        signal,
      )
      if (await this.#isLoaded(String(at), signal)) return
    }
  }

  /** Whether a session that begins now goes by files read since then; asks for a while. */
  async #isLoaded(since: string, signal: AbortSignal): Promise<boolean> {
    for (let tries = 0; tries < reloadTries; tries += 1) {
      using fresh = await this.connect(signal)
      const { loaded } = await fresh.row(
        'SELECT pg_conf_load_time() >= $1::timestamptz AS loaded',
        signal,
        [since],
      )
      if (loaded === true) return true
      await pauseFor(pollEvery, signal)
    }
    return false
  }

  /** Ends it as a crash would, only gentler: not a record is written that nobody would receive. */
  async endAbruptly(signal: AbortSignal): Promise<void> {
    await within(signal, this.options.host.end('SIGQUIT', ms(2000)))
  }

  /** Ends it so that all it had is on disk, and that is written down. */
  async endCleanly(patience: Milliseconds, signal: AbortSignal): Promise<void> {
    await within(signal, this.options.host.end('SIGINT', patience))
  }

  /** What is said of a server that does not let us in. */
  refusedUs(cause: unknown): Fault {
    const user = this.options.accounts.admin.user
    const isPassword = ['28P01', '28000'].includes(sqlState(cause) ?? '')
    const what = isPassword ? `PostgreSQL does not let ${user} in` : 'PostgreSQL refuses to answer'
    return new Fault('refused', what, {
      remedy: isPassword
        ? 'give the accounts that this database was made with, or copy the member anew'
        : `look into ${this.log.path}`,
      cause,
    })
  }

  #ended(state: { readonly kind: string; readonly why?: string }): Fault {
    const trouble = this.log.lastTrouble() ?? state.why ?? 'it does not say why'
    return new Fault('failed', `PostgreSQL ended: ${trouble}`, {
      remedy: remedyFor(trouble, this.log.path),
    })
  }

  /** What a server that starts, or is told to read it again, goes by. */
  async writeConfiguration(programs: Programs): Promise<void> {
    const { run, address, settings, accounts, adopted } = this.options
    const shown = shownBy(this.options)
    const tls = shown && tlsFilesIn(run)
    const { bavail, bsize } = statfsSync(this.data)
    const least = (await readControlFile(this.data))?.least
    // One that is gone would keep the server from starting.
    const sockets = adopted?.sockets.filter((each) => existsSync(each))
    const { major } = programs
    const place = { run, sockets, address, major, tls, freeBytes: bavail * bsize }
    if (shown !== undefined) putTlsFiles(run, shown(), this.owner)
    this.#put(join(run, 'postgresql.conf'), configuration(place, settings, least))
    this.#put(join(run, 'ident.conf'), '')
    this.#put(this.passwordFile, passwordLine(accounts.replication))
  }

  /** Whether something else was there. */
  #put(path: string, text: string): boolean {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) return false
    writeForNow(path, text)
    give(path, this.owner)
    return true
  }

  /** Lets go of its server. */
  [Symbol.dispose](): void {
    this.#orders[Symbol.dispose]()
    this.#streams[Symbol.dispose]()
  }
}
