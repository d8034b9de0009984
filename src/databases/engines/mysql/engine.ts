// The port to MySQL: one member's server, brought to what its keeper orders. Written to the manuals
// of 8.0 and 8.4.

import { Fault } from '../../../foundation/fault.ts'
import type {
  FollowOrder,
  MemberEngine,
  MemberOptions,
  OpenMember,
  Promotion,
  Refreshed,
  ServerSight,
} from '../../engine.ts'
import type { AckSet } from '../../model.ts'
import { KinMember } from '../mysql-kin/member.ts'
import { ownerOf } from '../mysql-kin/processes.ts'
import { isLockedOut } from '../mysql-kin/receiving.ts'
import { roleAt } from '../mysql-kin/roles.ts'
import type { Session } from '../mysql-kin/session.ts'
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
import { readStatus, type ServerStatus } from './status.ts'

/** More members than anybody has. */
const ackMost = 100

class MysqlMember extends KinMember<MysqlServer, ServerStatus> implements MemberEngine {
  readonly can = { rewind: false, ackMost }
  readonly #lookout: Lookout

  constructor(server: MysqlServer) {
    super(mysql, server)
    this.#lookout = new Lookout(server, this.receivers)
  }

  look(signal: AbortSignal): Promise<ServerSight> {
    return this.#lookout.look(signal)
  }

  protected install(signal: AbortSignal): Promise<void> {
    return install(this.server, signal)
  }

  protected enforce(session: Session, acks: AckSet, signal: AbortSignal): Promise<void> {
    return enforce(this.server, session, acks, signal)
  }

  freeze(signal: AbortSignal): Promise<void> {
    return this.turns.order(async () => {
      this.mustBeOurs()
      await toReplica(this.server, signal)
      // Its position is that of what it has applied: all that it has, then.
      await applyReceived(await this.server.session(signal), signal)
    })
  }

  promote(order: Promotion, signal: AbortSignal): Promise<void> {
    return this.turns.order(async () => {
      this.mustBeOurs()
      const status = this.server.isRunning ? await this.statusIfAlive(signal) : undefined
      if (status?.epoch !== order.epoch) await toReplica(this.server, signal)
      await becomePrimary(this.server, order, signal)
      this.#lookout.isAstray = false
    })
  }

  follow(order: FollowOrder, signal: AbortSignal): Promise<void> {
    return this.turns.order(async () => {
      const tail = await rejoin(this.server, order, signal)
      this.#lookout.isAstray = tail !== undefined
      if (tail === undefined) return
      const { member } = this.server.options
      const count = countGtids(tail)
      const what = `${member} has ${count} transactions that ${order.primary.member} lacks`
      throw new Fault('refused', what, { remedy: `have it copied anew: alwayson reinit ${member}` })
    })
  }

  refresh(signal: AbortSignal): Promise<Refreshed> {
    return this.turns.order(() => refresh(this.server, signal))
  }

  protected async mayWait(signal: AbortSignal): Promise<boolean> {
    if (!this.server.isRunning) return false
    if (!(await this.server.isAnswering(signal))) return true
    const { semiSource } = this.server.programs.words
    const { waits } = await this.server.one(`SELECT @@global.${semiSource} AS waits`, signal)
    return Number(waits) !== 0
  }

  /** A replica whose account was locked comes in by its other one. */
  protected async giveHelp(signal: AbortSignal): Promise<void> {
    const { options } = this.server
    const { peers, data } = options
    const session = await this.server.session(signal, 'help')
    const status = await readStatus(session, signal)
    if (status.folder !== data || !isLockedOut(mysql, status)) return
    const { receiving } = status
    const primary = peers.find(
      ({ host, port }) => host === receiving?.host && port === receiving.port,
    )
    if (primary === undefined) return
    const role = await roleAt(mysql, primary, options, signal)
    const { words } = this.server.programs
    await receiveFrom(session, { primary, role }, options, words, signal)
  }
}

/** Opens the engine of one member. Rejects with a Fault where MySQL is not installed. */
export const openMysql: OpenMember = async (options: MemberOptions): Promise<MemberEngine> => {
  const programs = await findPrograms(options.home)
  return new MysqlMember(new MysqlServer(options, programs, ownerOf(options.user)))
}
