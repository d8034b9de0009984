// What is seen of one member's server at this moment? Asks; starts, stops and changes nothing.

import type { Instant } from '../../../foundation/time.ts'
import { type Milliseconds, ms } from '../../../foundation/time.ts'
import { blank } from '../../blank-sight.ts'
import type { ServerSight } from '../../engine.ts'
import type { AckSet, Position } from '../../model.ts'
import { comparePositions, reaches } from '../../position.ts'
import { readMark, stateOf } from '../mysql-kin/data-folder.ts'
import { admitted } from '../mysql-kin/gate.ts'
import type { Receivers } from '../mysql-kin/receivers.ts'
import type { Session } from '../mysql-kin/session.ts'
import { peopleOf, silentSight } from '../mysql-kin/sights.ts'
import { furthest } from './gtid.ts'
import { mariadb } from './kin.ts'
import type { Logs } from './logs.ts'
import { pendingLogs, withPending } from './pending.ts'
import { receivedWith } from './replication.ts'
import type { MariadbServer } from './server.ts'
import { binaryLog, relayLog } from './settings.ts'
import { isDiverged, readStatus, type ServerStatus } from './status.ts'

/** Looks at one server, and remembers what only two looks can tell. */
export class Lookout {
  readonly #server: MariadbServer
  readonly #logs: Logs
  readonly #kept: Logs
  readonly #receivers: Receivers
  #last: ServerSight = blank
  #pulse = ''
  #source = ''
  #receivedAt: Instant | undefined
  #isPromiseVoid = false

  constructor(server: MariadbServer, logs: Logs, receivers: Receivers) {
    this.#server = server
    this.#logs = logs
    this.#kept = pendingLogs(server)
    this.#receivers = receivers
  }

  async look(signal: AbortSignal): Promise<ServerSight> {
    const { process } = this.#server
    if (process.kind !== 'running') {
      this.#forget()
      return this.#stopped(process.kind === 'ended' ? process.why : undefined)
    }
    try {
      this.#last = await this.#running(await this.#server.session(signal, 'looks'), signal)
      return this.#last
    } catch (thrown) {
      return silentSight(thrown, this.#last, this.#server.options.accounts, signal)
    }
  }

  #forget(): void {
    this.#last = blank
    this.#receivedAt = undefined
    this.#pulse = ''
  }

  #stopped(why: string | undefined): ServerSight {
    const { data, database } = this.#server.options
    const folder = stateOf(data, database, this.#server.product)
    switch (folder.kind) {
      case 'absent':
        return blank
      case 'foreign':
        return {
          ...{ ...blank, server: 'broken' as const },
          ...{ why: `${data}: ${folder.why}`, remedy: folder.remedy },
        }
      case 'ours': {
        const { begins } = folder.mark
        // One that was taken over has its log elsewhere until it starts.
        const own = this.#logs.lastPosition(binaryLog)
        const applied = begins === undefined ? own : furthest(begins)
        const relayed = this.#logs.lastPosition(relayLog)
        const further = comparePositions(applied, relayed) >= 0 ? applied : relayed
        const received = withPending(this.#kept, further)
        const origin = folder.mark.identity
        return { ...blank, server: 'stopped', why, received, applied, origin, ...written(received) }
      }
    }
  }

  async #running(session: Session, signal: AbortSignal): Promise<ServerSight> {
    const { options } = this.#server
    const status = await readStatus(session, signal)
    // A copy that is not complete is loaded elsewhere: this member has no data yet.
    if (status.folder !== options.data) return blank
    const people = await peopleOf(session, options, signal)
    const isPrimary = status.epoch > 0 || !status.readOnly
    const known = receivedWith(status, this.#logs)
    const received = isPrimary ? known : withPending(this.#kept, known)
    const base = {
      ...blank,
      origin: readMark(options.data)?.identity,
      writable: !status.readOnly,
      received,
      applied: status.applied,
      clients: people.clients,
    }
    if (isPrimary) {
      this.#receivers.refresh(people.receivers)
      return {
        ...base,
        server: 'primary',
        acks: await this.#acks(session, status, signal),
        receivers: this.#receivers.positionsOf(people.receivers),
      }
    }
    return { ...base, server: 'replica', ...this.#replica(status, received), ...written(received) }
  }

  #replica(status: ServerStatus, received: Position): Partial<ServerSight> {
    const { receiving } = status
    if (receiving === undefined) return {}
    const { peers, now } = this.#server.options
    const peer = peers.find(({ host, port }) => host === receiving.host && port === receiving.port)
    const upstream = receiving.io === 'Yes' ? peer?.member : undefined
    // Of a stream that has broken off it is known as well, but not of one from somebody else.
    const source = `${receiving.host}:${receiving.port}`
    if (source !== this.#source) this.#receivedAt = undefined
    this.#source = source
    if (upstream !== undefined && receiving.pulse !== this.#pulse) this.#receivedAt = now()
    this.#pulse = receiving.pulse
    const error = [receiving.ioError, receiving.sqlError].find(({ number }) => number !== 0)
    return {
      upstream,
      receivedAt: this.#receivedAt,
      lag: lagOf(status, received),
      diverged: isDiverged(status),
      why: error?.text,
    }
  }

  /** By whom it acknowledges. Where it has stopped waiting for anybody, nothing is promised. */
  async #acks(session: Session, { semiSync }: ServerStatus, signal: AbortSignal): Promise<AckSet> {
    if (!semiSync) return { members: [], needed: 0 }
    const { accounts, peers, member, event } = this.#server.options
    const { Value: state } = await session.one(
      "SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_master_status'",
      signal,
    )
    if (state !== 'ON') {
      if (!this.#isPromiseVoid) {
        event('acknowledgements-off', `the server of ${member} no longer waits for any replica`)
      }
      this.#isPromiseVoid = true
      return { members: [], needed: 0 }
    }
    this.#isPromiseVoid = false
    const members = await admitted(mariadb, session, accounts, peers, signal)
    return { members: members.filter((each) => each !== member), needed: 1 }
  }
}

/** A line is an epoch: the server ids of primaries say it. */
const written = ({ line }: Position): Pick<ServerSight, 'writtenAt'> => ({ writtenAt: line })

/** Nothing where all is applied; else the server's own count, which is in seconds. */
function lagOf({ applied, receiving }: ServerStatus, received: Position): Milliseconds | undefined {
  if (reaches(applied, received) && receiving?.isApplying === true) return ms(0)
  return receiving?.secondsBehind === undefined ? undefined : ms(receiving.secondsBehind * 1000)
}
