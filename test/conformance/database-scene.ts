// Members of one database for the suite of engines: their folders, ports, processes and clients.

import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Certified, issue, makeAuthority } from '../../src/control/doors/certificates.ts'
import type {
  Account,
  FindVouchers,
  FollowOrder,
  MemberEngine,
  MemberOptions,
  OpenMember,
  ServerSight,
} from '../../src/databases/engine.ts'
import type { MachineCertificate } from '../../src/databases/member-tls.ts'
import type { AckSet, Bind, RejoinWay } from '../../src/databases/model.ts'
import { type Clock, ms, openClock } from '../../src/foundation/time.ts'
import { freePorts, until } from '../engines/waiting.ts'
import { DirectServerHost } from '../support/direct-server-host.ts'

/** A client's connection. One row is an object by names of columns, in lower case. */
export interface Session extends AsyncDisposable {
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>
}

/** What the suite knows of an engine. */
export interface MemberKind {
  readonly name: string
  readonly open: OpenMember
  /** How a guard asks who vouches, and what it is told to reach the server by. */
  readonly vouchers?: {
    readonly find: FindVouchers
    socketOf(options: MemberOptions): string
  }
  /** First data may be copied while it is stopped: that takes less than making it. */
  readonly copies?: boolean
  /** The folder of the programs, where they are not found by themselves. */
  readonly home: string | undefined
  /** Settings other than its own: one that is taken at once, and one that needs a start. */
  readonly changes?: { readonly atOnce: SettingChange; readonly atStart: SettingChange }
  /** Members and clients show certificates of one cluster. */
  readonly secured?: boolean
  connect(at: Bind, account: Account, database: string, tls?: MachineCertificate): Promise<Session>
}

/** A setting, and the question whose one value it is. */
export interface SettingChange {
  readonly name: string
  readonly value: string
  readonly shown: string
}

/** One member, with everything of it that a test may reach for. */
export interface Seat {
  readonly name: string
  readonly options: MemberOptions
  readonly host: DirectServerHost
  engine: MemberEngine
}

/** What an engine told its journal. */
export interface Told {
  readonly member: string
  readonly rule: string
  readonly why: string
}

/** Defines one promise, tried on a scene of `count` members. */
export type Define = (title: string, count: number, run: (scene: Scene) => Promise<void>) => void

/** No test waits for longer than this for one thing: the machine may be busy. */
export const patience = 90_000

const authorities = new Map<string, Certified>()

/** What a machine of a cluster shows: each time that this is called, another certificate. */
export function machineTls(cluster = 'tests'): () => MachineCertificate {
  const authority = authorities.get(cluster) ?? makeAuthority(cluster, new Date())
  authorities.set(cluster, authority)
  const made = issue(authority, { name: 'a', hosts: ['127.0.0.1'] }, new Date())
  return () => ({ ...made, ca: authority.cert })
}

/** A signal for one thing that has to come to an end. */
export const soon = (within = patience): AbortSignal => AbortSignal.timeout(within)

/** First data that an engine made, by its kind. */
const templates = new Map<MemberKind, string>()

/** In memory where there is room for it: what a disk does is not what is tried here. */
function scratchFolder(): string {
  const memory = '/dev/shm'
  if (!existsSync(memory)) return tmpdir()
  const { bavail, bsize } = statfsSync(memory)
  return bavail * bsize > 4 * 1024 ** 3 ? memory : tmpdir()
}

/** Nobody has to acknowledge. */
export const alone: AckSet = { members: [], needed: 0 }

/** Any one of these has to acknowledge. */
export const anyOf = (...members: readonly string[]): AckSet => ({ members, needed: 1 })

export const accounts = {
  admin: { user: 'alwayson', password: 'admin-pass-0' },
  replication: { user: 'alwayson_replication', password: "repl'pass 1" },
  app: { user: 'orders', password: 'app-pass:2', database: 'shop' },
} as const

export class Scene implements AsyncDisposable {
  readonly kind: MemberKind
  readonly seats: readonly Seat[]
  readonly folder: string
  readonly told: Told[]
  readonly #sessions: Session[] = []

  private constructor(kind: MemberKind, seats: readonly Seat[], folder: string, told: Told[]) {
    this.kind = kind
    this.seats = seats
    this.folder = folder
    this.told = told
  }

  /** Opens `count` members without any data: m1, m2, … */
  static async open(kind: MemberKind, count: number): Promise<Scene> {
    // Socket paths are short, and the server may run as another user than this process.
    const folder = mkdtempSync(join(scratchFolder(), 'ao-'))
    chmodSync(folder, 0o755)
    const clock = openClock()
    const ports = await freePorts(count)
    const peers = ports.map((port, at) => ({ member: `m${at + 1}`, host: '127.0.0.1', port }))
    const seats: Seat[] = []
    const told: Told[] = []
    for (const address of peers) {
      const host = new DirectServerHost(clock)
      const base = { folder: join(folder, address.member), home: kind.home, clock }
      mkdirSync(base.folder, { mode: 0o755 })
      const tls = kind.secured === true ? { tls: machineTls() } : {}
      const options = { ...optionsOf(base, host, address, peers, told), ...tls }
      seats.push({ name: address.member, options, host, engine: await kind.open(options) })
    }
    return new Scene(kind, seats, folder, told)
  }

  seat(name: string): Seat {
    const seat = this.seats.find((each) => each.name === name)
    if (seat === undefined) throw new Error(`the scene has no member ${name}`)
    return seat
  }

  engine(name: string): MemberEngine {
    return this.seat(name).engine
  }

  look(name: string): Promise<ServerSight> {
    return this.engine(name).look(soon())
  }

  /** Another engine in place of a member's, as after a restart of the agent. */
  async reopen(name: string, differs: Partial<MemberOptions> = {}): Promise<MemberEngine> {
    const seat = this.seat(name)
    await seat.engine[Symbol.asyncDispose]()
    seat.engine = await this.kind.open({ ...seat.options, ...differs })
    return seat.engine
  }

  /** A connection as the application, which the scene ends. */
  async client(name: string): Promise<Session> {
    const { app } = accounts
    const { address, tls } = this.seat(name).options
    const session = await this.kind.connect(address, app, app.database, tls?.())
    this.#sessions.push(session)
    return session
  }

  /** Runs one statement as the application, on a connection of its own. */
  async query(name: string, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const { app } = accounts
    const { address, tls } = this.seat(name).options
    await using session = await this.kind.connect(address, app, app.database, tls?.())
    return await session.query(sql)
  }

  /** The ids in the table of the tests, as this member shows them. */
  async ids(name: string): Promise<readonly number[]> {
    const rows = await this.query(name, 'SELECT id FROM entries ORDER BY id')
    return rows.map(({ id }) => Number(id))
  }

  order(primary: string, way: RejoinWay, label = 'test'): FollowOrder {
    return { primary: this.seat(primary).options.address, way, label, progress: () => {} }
  }

  /** Resolves once a member receives from `primary`, and has no history of its own. */
  async receives(name: string, primary: string): Promise<void> {
    await until(
      `${name} receives from ${primary}`,
      async () => {
        const { upstream, diverged, server } = await this.look(name)
        return server === 'replica' && upstream === primary && !diverged
      },
      patience,
    )
  }

  /** Resolves once a member shows a row that was written elsewhere. */
  async shows(name: string, id: number): Promise<void> {
    await until(
      `${name} shows row ${id}`,
      async () => (await this.ids(name)).includes(id),
      patience,
    )
  }

  /**
   * First data for a member: a copy of what an engine of this kind made once. Members of two scenes
   * are then of one origin, so it is made anew where `anew` says so.
   */
  async initialise({ engine, options }: Seat, anew = false): Promise<void> {
    const made = templates.get(this.kind)
    if (made !== undefined && !anew) {
      execFileSync('cp', ['-a', made, options.data])
      return
    }
    await engine.initialise(soon())
    if (anew || this.kind.copies !== true) return
    const template = join(mkdtempSync(join(scratchFolder(), 'ao-template-')), 'data')
    execFileSync('cp', ['-a', options.data, template])
    process.on('exit', () => rmSync(dirname(template), { recursive: true, force: true }))
    templates.set(this.kind, template)
  }

  /** m1 serves with a table of the tests in it, and everybody else follows it. */
  async begin(acks: AckSet = alone, anew = false): Promise<void> {
    const [first, ...others] = this.seats
    if (first === undefined) throw new Error('the scene has no member')
    await this.initialise(first, anew)
    await first.engine.promote({ epoch: 1, acks: alone }, soon())
    await this.query(first.name, 'CREATE TABLE entries (id INT PRIMARY KEY, note VARCHAR(80))')
    for (const { name, engine } of others) {
      await engine.follow(this.order(first.name, 'clone'), soon())
      await this.receives(name, first.name)
    }
    if (acks.needed > 0) await first.engine.setAcks(acks, soon())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What is stopped cannot end, nor answer to the end of a connection.
    for (const { host } of this.seats) host.resume()
    await Promise.allSettled(this.#sessions.map((each) => each[Symbol.asyncDispose]()))
    // A server that is killed leaves memory that it shares behind on this machine.
    await Promise.allSettled(this.seats.map(({ engine }) => engine.stop(ms(5000), soon(10_000))))
    await Promise.allSettled(this.seats.map(({ engine }) => engine[Symbol.asyncDispose]()))
    await Promise.allSettled(this.seats.map(({ host }) => host[Symbol.asyncDispose]()))
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function optionsOf(
  base: { readonly folder: string; readonly home: string | undefined; readonly clock: Clock },
  host: DirectServerHost,
  address: MemberOptions['address'],
  peers: MemberOptions['peers'],
  told: Told[],
): MemberOptions {
  const { member } = address
  return {
    database: 'orders',
    member,
    address,
    peers,
    data: join(base.folder, 'data'),
    run: join(base.folder, 'run'),
    aside: join(base.folder, 'aside'),
    home: base.home,
    user: undefined,
    settings: {},
    accounts,
    durability: 'quorum',
    host,
    now: () => base.clock.now(),
    event: (rule, why) => told.push({ member, rule, why }),
  }
}
