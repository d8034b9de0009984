// What is seen of one member's server at this moment? Asks; starts, stops and changes nothing.

import { type Milliseconds, ms } from '../../../foundation/time.ts'
import { blank } from '../../blank-sight.ts'
import type { ServerSight } from '../../engine.ts'
import type { AckSet, Position } from '../../model.ts'
import { comparePositions, reaches } from '../../position.ts'
import { type Mark, readMark } from '../mysql-kin/data-folder.ts'
import { KinLookout } from '../mysql-kin/lookout.ts'
import type { Receivers } from '../mysql-kin/receivers.ts'
import type { Session } from '../mysql-kin/session.ts'
import { peopleOf } from '../mysql-kin/sights.ts'
import { furthest } from './gtid.ts'
import { mariadb } from './kin.ts'
import type { Logs } from './logs.ts'
import { pendingLogs, withPending } from './pending.ts'
import { receivedWith } from './replication.ts'
import type { MariadbServer } from './server.ts'
import { binaryLog, relayLog } from './settings.ts'
import { isDiverged, readStatus, type ServerStatus } from './status.ts'

/** What it calls its promise to wait, and for how many that is. */
const waiting = { isWaiting: 'Rpl_semi_sync_master_status', needed: 1 } as const
const alone: AckSet = { members: [], needed: 0 }

/** Looks at one server, and remembers what only two looks can tell. */
export class Lookout extends KinLookout<MariadbServer> {
  readonly #logs: Logs
  readonly #kept: Logs

  constructor(server: MariadbServer, logs: Logs, receivers: Receivers) {
    super(mariadb, server, receivers)
    this.#logs = logs
    this.#kept = pendingLogs(server)
  }

  protected lying({ begins, identity: origin }: Mark, why: string | undefined): ServerSight {
    // One that was taken over has its log elsewhere until it starts.
    const own = this.#logs.lastPosition(binaryLog)
    const applied = begins === undefined ? own : furthest(begins)
    const relayed = this.#logs.lastPosition(relayLog)
    const further = comparePositions(applied, relayed) >= 0 ? applied : relayed
    const received = withPending(this.#kept, further)
    return { ...blank, server: 'stopped', why, received, applied, origin, ...written(received) }
  }

  protected async running(session: Session, signal: AbortSignal): Promise<ServerSight> {
    const { options } = this.server
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
      this.receivers.refresh(people.receivers)
      return {
        ...base,
        server: 'primary',
        acks: status.semiSync ? await this.acks.see(session, waiting, signal) : alone,
        receivers: this.receivers.positionsOf(people.receivers),
      }
    }
    return { ...base, server: 'replica', ...this.#replica(status, received), ...written(received) }
  }

  #replica(status: ServerStatus, received: Position): Partial<ServerSight> {
    const { receiving } = status
    if (receiving === undefined) return {}
    const error = [receiving.ioError, receiving.sqlError].find(({ number }) => number !== 0)
    return {
      ...this.stream.see(receiving, this.server.options),
      lag: lagOf(status, received),
      diverged: isDiverged(status),
      why: error?.text,
    }
  }
}

/** A line is an epoch: the server ids of primaries say it. */
const written = ({ line }: Position): Pick<ServerSight, 'writtenAt'> => ({ writtenAt: line })

/** Nothing where all is applied; else the server's own count, which is in seconds. */
function lagOf({ applied, receiving }: ServerStatus, received: Position): Milliseconds | undefined {
  if (reaches(applied, received) && receiving?.isApplying === true) return ms(0)
  return receiving?.secondsBehind === undefined ? undefined : ms(receiving.secondsBehind * 1000)
}
