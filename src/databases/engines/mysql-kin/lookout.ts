// What is seen of one member's server of MariaDB or MySQL at this moment? Whom to ask, and what
// its folder says where it does not run; what is asked is each kin's own.

import { blank } from '../../blank-sight.ts'
import type { ServerSight } from '../../engine.ts'
import { type Mark, stateOf } from './data-folder.ts'
import type { Kin } from './kin.ts'
import type { Receivers } from './receivers.ts'
import type { KinServer } from './server.ts'
import type { Session } from './session.ts'
import { silentSight } from './sights.ts'
import { AckWatch, StreamWatch } from './watching.ts'

export abstract class KinLookout<Server extends KinServer> {
  protected readonly server: Server
  protected readonly receivers: Receivers
  protected readonly stream = new StreamWatch()
  protected readonly acks: AckWatch
  #last: ServerSight = blank

  constructor(kin: Kin, server: Server, receivers: Receivers) {
    this.server = server
    this.receivers = receivers
    this.acks = new AckWatch(kin, server.options)
  }

  /** What data of ours say whose server does not run; `why` it ended. */
  protected abstract lying(mark: Mark, why: string | undefined): ServerSight

  /** What a server says that runs. */
  protected abstract running(session: Session, signal: AbortSignal): Promise<ServerSight>

  async look(signal: AbortSignal): Promise<ServerSight> {
    const { process } = this.server
    if (process.kind !== 'running') {
      this.#last = blank
      this.stream.forget()
      return this.#stopped(process.kind === 'ended' ? process.why : undefined)
    }
    try {
      this.#last = await this.server.looks.use(signal, (session) => this.running(session, signal))
      return this.#last
    } catch (thrown) {
      return silentSight(thrown, this.#last, this.server.options.accounts, signal)
    }
  }

  #stopped(why: string | undefined): ServerSight {
    const { data, database } = this.server.options
    const folder = stateOf(data, database, this.server.product)
    if (folder.kind === 'absent') return blank
    if (folder.kind === 'ours') return this.lying(folder.mark, why)
    const { remedy } = folder
    return { ...blank, server: 'broken', why: `${data}: ${folder.why}`, remedy }
  }
}
