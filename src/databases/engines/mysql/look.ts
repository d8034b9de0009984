// What is seen of one member's server at this moment? Asks; starts, stops and changes nothing.

import { ms } from '../../../foundation/time.ts'
import { blank } from '../../blank-sight.ts'
import type { ServerSight } from '../../engine.ts'
import type { AckSet } from '../../model.ts'
import { reaches } from '../../position.ts'
import { type Mark, readMark } from '../mysql-kin/data-folder.ts'
import { KinLookout } from '../mysql-kin/lookout.ts'
import type { Receivers } from '../mysql-kin/receivers.ts'
import type { Session } from '../mysql-kin/session.ts'
import { peopleOf } from '../mysql-kin/sights.ts'
import { mysql } from './kin.ts'
import type { MysqlServer } from './server.ts'
import { readStatus, receivedOf, type ServerStatus } from './status.ts'

/** It wants transactions that its primary has no more, or that nobody but it has. */
const divergences: ReadonlySet<number> = new Set([1236, 13_114])

/** Looks at one server, and remembers what only two looks can tell. */
export class Lookout extends KinLookout<MysqlServer> {
  /** It was found to have what whoever it should follow has not. */
  isAstray = false

  constructor(server: MysqlServer, receivers: Receivers) {
    super(mysql, server, receivers)
  }

  /** What it has only a start can tell: that is written in its tables and logs together. */
  protected lying({ identity: origin }: Mark, why: string | undefined): ServerSight {
    return { ...blank, server: 'stopped', why, origin }
  }

  protected async running(session: Session, signal: AbortSignal): Promise<ServerSight> {
    const { options } = this.server
    const status = await readStatus(session, signal)
    // A copy that is not complete is loaded elsewhere: this member has no data yet.
    if (status.folder !== options.data) return blank
    const people = await peopleOf(session, options, signal)
    const base = {
      ...{ ...blank, writable: !status.readOnly, received: receivedOf(status) },
      ...{ applied: status.applied, clients: people.clients },
      // Its last epoch stands in a table of ours: whoever has that has taken part in it.
      ...{ writtenAt: status.line, origin: readMark(options.data)?.identity },
    }
    if (status.isShut) return { ...base, server: 'replica', ...this.#replica(status) }
    this.receivers.refresh(people.receivers)
    return {
      ...{ ...base, server: 'primary', acks: await this.#promise(session, signal) },
      receivers: this.receivers.positionsOf(people.receivers),
    }
  }

  #replica(status: ServerStatus): Partial<ServerSight> {
    const { receiving } = status
    if (receiving === undefined) return { diverged: this.isAstray }
    const error = [receiving.ioError, receiving.sqlError].find(({ number }) => number !== 0)
    const isCurrent = reaches(status.applied, receivedOf(status)) && receiving.isApplying
    return {
      ...this.stream.see(receiving, this.server.options),
      lag: isCurrent ? ms(0) : status.lag === undefined ? undefined : ms(status.lag),
      diverged: this.isAstray || divergences.has(receiving.ioError.number),
      why: error?.text,
    }
  }

  /** By whom it acknowledges. */
  async #promise(session: Session, signal: AbortSignal): Promise<AckSet> {
    const { semiSource, waitCount, isWaiting } = this.server.programs.words
    const { waits, needed } = await session.one(
      `SELECT @@global.${semiSource} AS waits, @@global.${waitCount} AS needed`,
      signal,
    )
    if (Number(waits) === 0) return { members: [], needed: 0 }
    return await this.acks.see(session, { isWaiting, needed: Number(needed) }, signal)
  }
}
