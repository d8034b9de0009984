// What is seen of one member's server at this moment? Asks; starts, stops and changes nothing.

import { type Instant, ms } from '../../../foundation/time.ts'
import { blank } from '../../blank-sight.ts'
import type { ServerSight } from '../../engine.ts'
import type { AckSet } from '../../model.ts'
import { reaches } from '../../position.ts'
import { readMark, stateOf } from '../mysql-kin/data-folder.ts'
import { admitted } from '../mysql-kin/gate.ts'
import type { Receivers } from '../mysql-kin/receivers.ts'
import type { Session } from '../mysql-kin/session.ts'
import { peopleOf, silentSight } from '../mysql-kin/sights.ts'
import { mysql } from './kin.ts'
import type { MysqlServer } from './server.ts'
import { readStatus, receivedOf, type ServerStatus } from './status.ts'

/** It wants transactions that its primary has no more, or that nobody but it has. */
const divergences: ReadonlySet<number> = new Set([1236, 13_114])

/** Looks at one server, and remembers what only two looks can tell. */
export class Lookout {
  readonly #server: MysqlServer
  readonly #receivers: Receivers
  #last: ServerSight = blank
  #pulse = ''
  #source = ''
  #receivedAt: Instant | undefined
  /** It was found to have what whoever it should follow has not. */
  isAstray = false

  constructor(server: MysqlServer, receivers: Receivers) {
    this.#server = server
    this.#receivers = receivers
  }

  async look(signal: AbortSignal): Promise<ServerSight> {
    const { process } = this.#server
    if (process.kind !== 'running') {
      this.#last = blank
      this.#receivedAt = undefined
      return this.#stopped(process.kind === 'ended' ? process.why : undefined)
    }
    try {
      this.#last = await this.#running(await this.#server.session(signal, 'looks'), signal)
      return this.#last
    } catch (thrown) {
      return silentSight(thrown, this.#last, this.#server.options.accounts, signal)
    }
  }

  /** What it has only a start can tell: that is written in its tables and logs together. */
  #stopped(why: string | undefined): ServerSight {
    const { data, database } = this.#server.options
    const folder = stateOf(data, database, this.#server.product)
    if (folder.kind === 'absent') return blank
    if (folder.kind === 'ours') {
      return { ...blank, server: 'stopped', why, origin: folder.mark.identity }
    }
    const { remedy } = folder
    return { ...blank, server: 'broken', why: `${data}: ${folder.why}`, remedy }
  }

  async #running(session: Session, signal: AbortSignal): Promise<ServerSight> {
    const { options } = this.#server
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
    this.#receivers.refresh(people.receivers)
    return {
      ...{ ...base, server: 'primary', acks: await this.#acks(session, signal) },
      receivers: this.#receivers.positionsOf(people.receivers),
    }
  }

  #replica(status: ServerStatus): Partial<ServerSight> {
    const { receiving } = status
    if (receiving === undefined) return { diverged: this.isAstray }
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
    const isCurrent = reaches(status.applied, receivedOf(status)) && receiving.isApplying
    return {
      upstream,
      receivedAt: this.#receivedAt,
      lag: isCurrent ? ms(0) : status.lag === undefined ? undefined : ms(status.lag),
      diverged: this.isAstray || divergences.has(receiving.ioError.number),
      why: error?.text,
    }
  }

  /** By whom it acknowledges. Where it has stopped waiting for anybody, nothing is promised. */
  async #acks(session: Session, signal: AbortSignal): Promise<AckSet> {
    const { options, programs } = this.#server
    const { words } = programs
    const { waits, needed } = await session.one(
      `SELECT @@global.${words.semiSource} AS waits, @@global.${words.waitCount} AS needed`,
      signal,
    )
    if (Number(waits) === 0) return { members: [], needed: 0 }
    const [row] = await session.query(`SHOW GLOBAL STATUS LIKE '${words.isWaiting}'`, signal)
    if (row?.Value !== 'ON') {
      const why = `the server of ${options.member} no longer waits for any replica`
      options.event('acknowledgements-off', why)
      return { members: [], needed: 0 }
    }
    const members = await admitted(mysql, session, options.accounts, options.peers, signal)
    return { members: members.filter((each) => each !== options.member), needed: Number(needed) }
  }
}
