// The port to MariaDB: one member's server, brought to what its keeper orders.

import { dirname } from 'node:path'
import { describeError, Fault } from '../../../foundation/fault.ts'
import type { Milliseconds } from '../../../foundation/time.ts'
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
import { admitted, receiverName } from '../mysql-kin/gate.ts'
import { KinMember } from '../mysql-kin/member.ts'
import { ownerOf } from '../mysql-kin/processes.ts'
import { isLockedOut } from '../mysql-kin/receiving.ts'
import { reached, type Session } from '../mysql-kin/session.ts'
import { runningProgram } from '../running-program.ts'
import { membersMost } from './gtid.ts'
import { install } from './install.ts'
import { assertPossible, mariadb } from './kin.ts'
import { acknowledge, placeOf } from './late-acks.ts'
import { Logs } from './logs.ts'
import { Lookout } from './look.ts'
import { dropPending } from './pending.ts'
import { findPrograms, type Programs } from './programs.ts'
import { becomePrimary, enforce } from './promote.ts'
import { refresh } from './refresh.ts'
import { rejoin } from './rejoin.ts'
import { changeRole, stopReceiving } from './replication.ts'
import { MariadbServer } from './server.ts'
import { startAsReplica } from './start.ts'
import { readStatus, type ServerStatus } from './status.ts'

/** A commit that waits for so long may have been acknowledged by somebody who was not heard. */
const lateAckPatience = 300
/** What a member is given to say what it has. */
const lateAckWithin = 2000

class MariadbMember extends KinMember<MariadbServer, ServerStatus> implements MemberEngine {
  readonly can = { rewind: true, ackMost: 1, forgets: true }
  readonly #logs: Logs
  readonly #lookout: Lookout

  constructor(server: MariadbServer) {
    super(mariadb, server)
    this.#logs = new Logs(server.options.data)
    this.#lookout = new Lookout(server, this.#logs, this.receivers)
  }

  look(signal: AbortSignal): Promise<ServerSight> {
    return this.#lookout.look(signal)
  }

  protected install(signal: AbortSignal): Promise<string> {
    return install(this.server, signal)
  }

  protected async enforce(session: Session, acks: AckSet, signal: AbortSignal): Promise<void> {
    // Whoever has to come by its other account is not sent again what it has already: commits would
    // wait for an acknowledgement that was lost with its connection.
    await using _helping = this.turns.meanwhile((until) => this.#helpWaiting(until))
    await enforce(this.server, session, acks, signal)
  }

  freeze(signal: AbortSignal): Promise<void> {
    return this.turns.order(async () => {
      await this.#toReplica(signal)
      await stopReceiving(await this.server.session(signal), signal)
    })
  }

  /** It runs, not as a primary: it may still receive. */
  async #toReplica(signal: AbortSignal): Promise<void> {
    this.mustBeOurs()
    if (this.server.isRunning) {
      const status = await this.statusIfAlive(signal)
      const isOther = status?.folder !== this.server.options.data
      if (status === undefined || isOther || status.epoch > 0 || !status.readOnly) {
        await this.server.kill()
      }
    }
    await startAsReplica(this.server, this.#logs, signal)
  }

  promote(order: Promotion, signal: AbortSignal): Promise<void> {
    return this.turns.order(async () => {
      assertPossible(order.acks, this.can.ackMost)
      this.mustBeOurs()
      const status = this.server.isRunning ? await this.statusIfAlive(signal) : undefined
      if (status?.epoch !== order.epoch) await this.#toReplica(signal)
      await becomePrimary(this.server, this.#logs, order, signal)
    })
  }

  follow(order: FollowOrder, signal: AbortSignal): Promise<void> {
    return this.turns.order(() => rejoin(this.server, this.#logs, order, signal))
  }

  override async setAcks(acks: AckSet, signal: AbortSignal): Promise<void> {
    assertPossible(acks, this.can.ackMost)
    await super.setAcks(acks, signal)
  }

  refresh(signal: AbortSignal): Promise<Refreshed> {
    return this.turns.order(() => refresh(this.server, this.#logs, signal))
  }

  protected override async drain(within: Milliseconds, signal: AbortSignal): Promise<void> {
    // What is under way may wait for an acknowledgement that was lost, and everybody for that.
    await using _helping = this.turns.meanwhile((until) => this.#helpWaiting(until))
    await super.drain(within, signal)
  }

  protected override forgetTails(): void {
    dropPending(this.server)
  }

  protected async mayWait(signal: AbortSignal): Promise<boolean> {
    if (!this.server.isRunning) return false
    const status = await this.statusIfAlive(signal)
    return status === undefined || status.semiSync
  }

  /** Gives late acknowledgements beside something that was ordered. */
  async #helpWaiting(signal: AbortSignal): Promise<void> {
    using session = await this.server.connect(signal)
    await this.#giveLateAcks(session, await readStatus(session, signal), signal)
  }

  /** What a server needs and cannot do itself, while nobody orders anything. */
  protected async giveHelp(signal: AbortSignal): Promise<void> {
    const session = await this.server.session(signal, 'help')
    const status = await readStatus(session, signal)
    if (status.folder !== this.server.options.data) return
    if (status.epoch > 0) await this.#giveLateAcks(session, status, signal)
    else await this.#changeRole(session, status, signal)
  }

  /** Commits that wait although a member of the set has them. */
  async #giveLateAcks(
    session: Session,
    { semiSync, epoch }: ServerStatus,
    signal: AbortSignal,
  ): Promise<void> {
    const { accounts, peers, member, address, tls } = this.server.options
    if (!semiSync || !(await this.#isWaiting(session, signal))) return
    for (const each of await admitted(mariadb, session, accounts, peers, signal)) {
      if (each === member) continue
      const soon = AbortSignal.any([signal, AbortSignal.timeout(lateAckWithin)])
      const position = await this.receivers.position(each, soon).catch(() => undefined)
      const isOurs = position !== undefined && position.line === epoch
      const place = isOurs ? placeOf(this.#logs, position) : undefined
      if (place === undefined) continue
      const user = receiverName(accounts, each, 'acknowledging')
      const account = { user, password: accounts.replication.password }
      // As a replica would: through the socket nobody shows a certificate.
      await acknowledge(reached(address, tls), account, place, soon)
    }
  }

  async #isWaiting(session: Session, signal: AbortSignal): Promise<boolean> {
    const rows = await session.query(
      'SELECT STATE AS state, TIME_MS AS time FROM information_schema.PROCESSLIST',
      signal,
    )
    return rows.some(
      ({ state, time }) =>
        String(state).startsWith('Waiting for semi-sync') && Number(time) >= lateAckPatience,
    )
  }

  /** A replica whose account was locked comes in by its other one. */
  async #changeRole(session: Session, status: ServerStatus, signal: AbortSignal): Promise<void> {
    const { receiving } = status
    if (!isLockedOut(mariadb, status)) return
    const primary = this.server.options.peers.find(
      ({ host, port }) => host === receiving?.host && port === receiving.port,
    )
    if (primary === undefined) return
    await changeRole(session, this.#logs, primary, this.server.options, signal)
  }
}

/** Those that it should have; a server that runs is looked after with those that it runs, too. */
async function programsFor({ home, host, event }: MemberOptions): Promise<Programs> {
  try {
    return await findPrograms(home)
  } catch (thrown) {
    const program = runningProgram(host)
    if (program === undefined) throw thrown
    event('programs-refused', describeError(thrown))
    return await findPrograms(dirname(program)).catch(() => findPrograms(undefined))
  }
}

/** Opens the engine of one member. Rejects with a Fault where MariaDB is not installed. */
export const openMariadb: OpenMember = async (options: MemberOptions): Promise<MemberEngine> => {
  if (options.peers.length > membersMost) {
    throw new Fault('unsupported', `a database of MariaDB has ${membersMost} members at most`)
  }
  const programs = await programsFor(options)
  return new MariadbMember(new MariadbServer(options, programs, ownerOf(options.user)))
}
