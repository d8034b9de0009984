// The port to MySQL: one member's server, brought to what its keeper orders. Written to the manuals
// of 8.0 and 8.4.

import { Fault } from '../../../foundation/fault.ts'
import type { Milliseconds } from '../../../foundation/time.ts'
import type {
  FollowOrder,
  MemberEngine,
  MemberOptions,
  OpenMember,
  Refreshed,
  ServerSight,
} from '../../engine.ts'
import type { AckSet } from '../../model.ts'
import { putRestored } from '../../restored-data.ts'
import { assertOurs, stateOf } from '../mysql-kin/data-folder.ts'
import { putInPlace } from '../mysql-kin/drafts.ts'
import { WriteProbe } from '../mysql-kin/probe.ts'
import { ownerOf } from '../mysql-kin/processes.ts'
import { drain } from '../mysql-kin/quiesce.ts'
import { Receivers } from '../mysql-kin/receivers.ts'
import { roleAt } from '../mysql-kin/roles.ts'
import { errors, type Session } from '../mysql-kin/session.ts'
import { Turns } from '../mysql-kin/turns.ts'
import { countGtids } from './gtid-set.ts'
import { install } from './install.ts'
import { mysql } from './kin.ts'
import { Lookout } from './look.ts'
import { findPrograms } from './programs.ts'
import { becomePrimary, enforce } from './promote.ts'
import { refresh } from './refresh.ts'
import { rejoin, toReplica } from './rejoin.ts'
import { applyReceived, receiveFrom } from './replication.ts'
import { MysqlServer } from './server.ts'
import { readStatus } from './status.ts'

const locked: ReadonlySet<number> = new Set([errors.accessDenied, mysql.accountLocked])
/** More members than anybody has. */
const ackMost = 100

class MysqlMember implements MemberEngine {
  readonly can = { rewind: false, ackMost }
  readonly #server: MysqlServer
  readonly #receivers: Receivers
  readonly #lookout: Lookout
  readonly #turns: Turns
  readonly #probe: WriteProbe

  constructor(server: MysqlServer) {
    const { event } = server.options
    this.#server = server
    this.#receivers = new Receivers(mysql, server.options)
    this.#lookout = new Lookout(server, this.#receivers)
    this.#turns = new Turns(
      () => server.isRunning,
      (signal) => this.#changeRole(signal),
      (why) => event('change-of-account', why),
    )
    this.#probe = new WriteProbe(() => this.#openPrimary(), this.#turns.closing)
  }

  look(signal: AbortSignal): Promise<ServerSight> {
    return this.#lookout.look(signal)
  }

  tryWrite(signal: AbortSignal): Promise<void> {
    return this.#probe.write(signal)
  }

  async #openPrimary(): Promise<Session> {
    const { closing } = this.#turns
    const session = await this.#server.connect(closing)
    if (!(await readStatus(session, closing)).readOnly) return session
    session[Symbol.dispose]()
    throw new Fault('refused', `${this.#server.options.member} takes no writes`, {
      remedy: 'write to the primary',
    })
  }

  initialise(signal: AbortSignal): Promise<void> {
    return this.#turns.order(async () => {
      const { data, database } = this.#server.options
      const state = stateOf(data, database, this.#server.product)
      if (state.kind === 'ours') return
      if (state.kind === 'foreign') assertOurs(data, state)
      await install(this.#server, signal)
      putInPlace(data)
    })
  }

  freeze(signal: AbortSignal): Promise<void> {
    return this.#turns.order(async () => {
      this.#mustBeOurs()
      await toReplica(this.#server, signal)
      // Its position is that of what it has applied: all that it has, then.
      await applyReceived(await this.#server.session(signal), signal)
    })
  }

  promote(
    order: { readonly epoch: number; readonly acks: AckSet },
    signal: AbortSignal,
  ): Promise<void> {
    return this.#turns.order(async () => {
      this.#mustBeOurs()
      const isAlive = this.#server.isRunning && (await this.#server.isAnswering(signal))
      const status = isAlive
        ? await readStatus(await this.#server.session(signal), signal)
        : undefined
      if (status?.epoch !== order.epoch) await toReplica(this.#server, signal)
      await becomePrimary(this.#server, order, signal)
      this.#lookout.isAstray = false
    })
  }

  follow(order: FollowOrder, signal: AbortSignal): Promise<void> {
    return this.#turns.order(async () => {
      const tail = await rejoin(this.#server, order, signal)
      this.#lookout.isAstray = tail !== undefined
      if (tail === undefined) return
      const { member } = this.#server.options
      const count = countGtids(tail)
      const what = `${member} has ${count} transactions that ${order.primary.member} lacks`
      throw new Fault('refused', what, { remedy: `have it copied anew: alwayson reinit ${member}` })
    })
  }

  setAcks(acks: AckSet, signal: AbortSignal): Promise<void> {
    return this.#turns.order(async () => {
      const session = await this.#server.session(signal)
      const { epoch } = await readStatus(session, signal)
      if (epoch === 0) {
        throw new Fault('refused', `${this.#server.options.member} is no primary`, {
          remedy: 'promote it first',
        })
      }
      await enforce(this.#server, session, acks, signal)
    })
  }

  refresh(signal: AbortSignal): Promise<Refreshed> {
    return this.#turns.order(() => refresh(this.#server, signal))
  }

  quiesce(within: Milliseconds, signal: AbortSignal): Promise<void> {
    return this.#turns.order(() => drain(mysql, this.#server, this.#receivers, within, signal))
  }

  takeRestored(id: string): Promise<void> {
    return this.#turns.order(async () => {
      await this.#server.kill()
      putRestored(this.#server.options, id)
    })
  }

  stop(within: Milliseconds, signal: AbortSignal): Promise<void> {
    return this.#turns.order(async () => {
      signal.throwIfAborted()
      // Ended in order, a primary would finish what nobody has acknowledged.
      if (await this.#isWaiting(signal)) await this.#server.kill()
      else await this.#server.end(within)
    })
  }

  async #isWaiting(signal: AbortSignal): Promise<boolean> {
    if (!this.#server.isRunning) return false
    if (!(await this.#server.isAnswering(signal))) return true
    const { semiSource } = this.#server.programs.words
    const { waits } = await this.#server.one(`SELECT @@global.${semiSource} AS waits`, signal)
    return Number(waits) !== 0
  }

  #mustBeOurs(): void {
    const { data, database } = this.#server.options
    assertOurs(data, stateOf(data, database, this.#server.product))
  }

  /** A replica whose account was locked comes in by its other one. */
  async #changeRole(signal: AbortSignal): Promise<void> {
    const { options } = this.#server
    const { peers, data } = options
    const session = await this.#server.session(signal, 'help')
    const { receiving, folder } = await readStatus(session, signal)
    if (folder !== data || receiving?.io !== 'Connecting') return
    if (!locked.has(receiving.ioError.number)) return
    const primary = peers.find(
      ({ host, port }) => host === receiving.host && port === receiving.port,
    )
    if (primary === undefined) return
    const role = await roleAt(mysql, primary, options, signal)
    const { words } = this.#server.programs
    await receiveFrom(session, { primary, role }, options, words, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turns[Symbol.asyncDispose]()
    this.#receivers[Symbol.dispose]()
    this.#server[Symbol.dispose]()
  }
}

/** Opens the engine of one member. Rejects with a Fault where MySQL is not installed. */
export const openMysql: OpenMember = async (options: MemberOptions): Promise<MemberEngine> => {
  const programs = await findPrograms(options.home)
  return new MysqlMember(new MysqlServer(options, programs, ownerOf(options.user)))
}
