// One member of a database on this machine: its process, its engine and its keeper, opened together
// and given back in reverse.

import { X509Certificate } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { isIP } from 'node:net'
import { dirname } from 'node:path'
import { readNote } from '../databases/adoption/note.ts'
import type { DatabaseBoard } from '../databases/board.ts'
import { isSpoken } from '../databases/encryption.ts'
import type {
  DatabaseAccounts,
  MemberAddress,
  MemberEngine,
  OpenMember,
} from '../databases/engine.ts'
import { type GuardedHost, openGuarded } from '../databases/guard/guarded.ts'
import { type Keeper, openKeeper } from '../databases/keeper.ts'
import type { MemberTls } from '../databases/member-tls.ts'
import { openKeeperStore } from '../databases/memory.ts'
import type { DatabasePlan, Encryption, MemberPlan } from '../databases/model.ts'
import { freeBytesAt } from '../databases/room.ts'
import { wishOf } from '../databases/wish.ts'
import { Fault } from '../foundation/fault.ts'
import { type Clock, type Milliseconds, ms } from '../foundation/time.ts'
import type { DatabaseFolders } from './database-folders.ts'
import type { RefusedMember } from './database-refused.ts'

/** What a member is opened with. */
export interface LocalMemberOptions {
  readonly plan: DatabasePlan
  readonly member: MemberPlan
  readonly board: DatabaseBoard
  readonly folders: DatabaseFolders
  readonly accounts: DatabaseAccounts
  /** How members on other machines are known; `undefined`: there are none. */
  readonly tls: MemberTls | undefined
  /** The step towards TLS, or back, that is taken with it. */
  readonly encryption: Encryption
  readonly openMember: OpenMember
  /** Others could be told to be primary while this process is cut off. */
  readonly leased: boolean
  readonly clock: Clock
  readonly version: string
  readonly event: (rule: string, why: string, seen?: Readonly<Record<string, unknown>>) => void
  /** Called before it rejects where no server of the member runs. */
  readonly refused: (member: RefusedMember) => void
}

/** A member that is looked after. */
export interface LocalMember {
  readonly name: string
  readonly keeper: Keeper
  readonly engine: MemberEngine
  /** Stops looking after it; its guard and its server run on. */
  leave(): Promise<void>
  /** Ends its server, cleanly within so long if that can be had, and its guard. */
  end(within: Milliseconds): Promise<void>
}

/** Opens a member; adopts its server if an agent before left it running. Rejects with a Fault. */
export async function openLocalMember(options: LocalMemberOptions): Promise<LocalMember> {
  const { plan, member, board, folders, accounts, clock, event, encryption } = options
  const places = folders.member(plan, member.name)
  const { host, engine, peers } = await openServer(options)
  const store = openKeeperStore(places.memory)
  try {
    // Whoever opens it next, and hears nobody, goes by the same.
    const before = store.load()
    if (before.encryption !== encryption) store.save({ ...before, encryption })
    const keeper = openKeeper({
      ...{ member: member.name, peers, engine, host, board, clock, event },
      ...{ store, encryption: options.tls && encryption },
      freeBytes: () => freeBytesAt(places.data),
      bounds: () => wishOf(plan).bounds,
      lease: options.leased
        ? {
            vouch: {
              ...{ engine: plan.engine, socket: places.run, port: member.port },
              ...{ account: accounts.admin, tlsIn: isSpoken(encryption) ? places.run : undefined },
            },
          }
        : undefined,
    })
    return assembled(member.name, host, engine, keeper)
  } catch (thrown) {
    await engine[Symbol.asyncDispose]()
    host.leave()
    throw thrown
  }
}

/** The others would take its server for somebody else's. */
export function mustBear(tls: MemberTls | undefined, { name, host, machine }: MemberPlan): void {
  if (tls === undefined) return
  const certificate = new X509Certificate(tls().cert)
  const borne = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)
  if (borne !== undefined) return
  throw new Fault('refused', `the keys of ${machine} are not for ${host}, where ${name} is`, {
    remedy: `make them anew where its authority is (alwayson init), and give ${machine} its file`,
  })
}

/** The process of a member, and its engine, without anybody who gives it orders. */
export interface OpenServer {
  readonly host: GuardedHost
  readonly engine: MemberEngine
  readonly peers: readonly MemberAddress[]
}

/** Opens them as far as that goes without starting a server. Rejects with a Fault. */
export async function openServer(options: LocalMemberOptions): Promise<OpenServer> {
  const { plan, member, folders, accounts, clock, version, event, encryption } = options
  const shown = encryption === 'plain' ? undefined : options.tls
  mustBear(shown, member)
  const places = folders.member(plan, member.name)
  // What a server that was taken over was set up with goes on to hold, unless the file says more.
  const note = member.adopt === undefined ? undefined : readNote(places.adoption)
  mkdirSync(dirname(places.memory), { recursive: true, mode: 0o700 })
  // The server's user has to pass through these, and may not look around in them.
  for (const place of [places.run, places.data]) {
    mkdirSync(dirname(place), { recursive: true, mode: 0o711 })
  }
  const guarded = { folder: folders.guards, member: member.name, version, clock, event }
  const host = await openGuarded(guarded)
  try {
    const peers = plan.members.map(({ name, host: at, port }) => ({ member: name, host: at, port }))
    const engine = await options.openMember({
      ...{ database: plan.name, member: member.name, peers, accounts, host, event },
      ...{ tls: isSpoken(encryption) ? shown : undefined, shown },
      alsoPlain: encryption !== 'required',
      address: { member: member.name, host: member.host, port: member.port },
      ...{ data: places.data, run: places.run, aside: places.aside },
      ...{ home: plan.home ?? note?.home, user: plan.user ?? note?.user, adopted: note?.inherited },
      settings: { ...note?.inherited.settings, ...plan.settings },
      ...{ durability: plan.durability, now: () => clock.now() },
    })
    return { host, engine, peers }
  } catch (thrown) {
    if (host.observe().kind !== 'running') {
      options.refused({ member: member.name, data: places.data, thrown })
    }
    host.leave()
    throw thrown
  }
}

const assembled = (
  name: string,
  host: GuardedHost,
  engine: MemberEngine,
  keeper: Keeper,
): LocalMember => ({
  ...{ name, engine, keeper },
  async leave() {
    await keeper[Symbol.asyncDispose]()
    await engine[Symbol.asyncDispose]()
    host.leave()
  },
  async end(within) {
    await keeper[Symbol.asyncDispose]()
    host.renew(undefined)
    // What cannot be stopped cleanly is killed: it recovers when it is started again.
    await engine.stop(within, AbortSignal.timeout(within + killWithin)).catch(() => {})
    await engine[Symbol.asyncDispose]()
    await host.quit()
  },
})

/** After the clean way has had its time. */
const killWithin = ms(5000)
