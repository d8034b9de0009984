// One member's server of MariaDB or MySQL, brought to what its keeper orders: what of that is the
// same for both. How one starts, follows and is promoted is its engine's to say.

import { Fault } from '../../../foundation/fault.ts'
import type { Milliseconds } from '../../../foundation/time.ts'
import type { AckSet } from '../../model.ts'
import { putRestored } from '../../restored-data.ts'
import { assertOurs, stateOf } from './data-folder.ts'
import { putInPlace } from './drafts.ts'
import type { Kin, KinStatus } from './kin.ts'
import { WriteProbe } from './probe.ts'
import { drain } from './quiesce.ts'
import { Receivers } from './receivers.ts'
import type { KinServer } from './server.ts'
import type { Session } from './session.ts'
import { Turns } from './turns.ts'

export abstract class KinMember<Server extends KinServer, Status extends KinStatus> {
  protected readonly server: Server
  protected readonly receivers: Receivers
  protected readonly turns: Turns
  readonly #kin: Kin<Status>
  readonly #probe: WriteProbe

  constructor(kin: Kin<Status>, server: Server) {
    const { options } = server
    this.server = server
    this.#kin = kin
    this.receivers = new Receivers(kin, options)
    this.turns = new Turns(
      () => server.isRunning,
      (signal) => this.giveHelp(signal),
      (why) => options.event('change-of-account', why),
    )
    this.#probe = new WriteProbe(() => this.#openPrimary(), this.turns.closing)
  }

  /** What a server needs and cannot do itself, while nobody orders anything. */
  protected abstract giveHelp(signal: AbortSignal): Promise<void>

  /** Makes an empty database in the draft folder. */
  protected abstract install(signal: AbortSignal): Promise<unknown>

  /** Acknowledges by exactly this set from when it resolves. */
  protected abstract enforce(session: Session, acks: AckSet, signal: AbortSignal): Promise<void>

  /** Whether its commits may wait for somebody; one that hangs may. */
  protected abstract mayWait(signal: AbortSignal): Promise<boolean>

  tryWrite(signal: AbortSignal): Promise<void> {
    return this.#probe.write(signal)
  }

  async #openPrimary(): Promise<Session> {
    const { closing } = this.turns
    using unless = new DisposableStack()
    const session = unless.use(await this.server.connect(closing))
    if ((await this.#kin.readStatus(session, closing)).readOnly) {
      throw new Fault('refused', `${this.server.options.member} takes no writes`, {
        remedy: 'write to the primary',
      })
    }
    unless.move()
    return session
  }

  initialise(signal: AbortSignal): Promise<void> {
    return this.turns.order(async () => {
      const { data } = this.server.options
      const state = this.folder()
      if (state.kind === 'ours') return
      if (state.kind === 'foreign') assertOurs(data, state)
      await this.install(signal)
      putInPlace(data)
    })
  }

  /** What its data folder is. */
  protected folder(): ReturnType<typeof stateOf> {
    const { data, database } = this.server.options
    return stateOf(data, database, this.server.product)
  }

  /** Throws a Fault unless its data are this database's. */
  protected mustBeOurs(): void {
    assertOurs(this.server.options.data, this.folder())
  }

  /** `undefined` of one that hangs. */
  protected async statusIfAlive(signal: AbortSignal): Promise<Status | undefined> {
    if (!(await this.server.isAnswering(signal))) return undefined
    return await this.#kin.readStatus(await this.server.session(signal), signal)
  }

  setAcks(acks: AckSet, signal: AbortSignal): Promise<void> {
    return this.turns.order(async () => {
      const session = await this.server.session(signal)
      const { epoch } = await this.#kin.readStatus(session, signal)
      if (epoch === 0) {
        throw new Fault('refused', `${this.server.options.member} is no primary`, {
          remedy: 'promote it first',
        })
      }
      await this.enforce(session, acks, signal)
    })
  }

  quiesce(within: Milliseconds, signal: AbortSignal): Promise<void> {
    return this.turns.order(() => this.drain(within, signal))
  }

  protected drain(within: Milliseconds, signal: AbortSignal): Promise<void> {
    return drain(this.#kin, this.server, this.receivers, within, signal)
  }

  takeRestored(id: string): Promise<void> {
    return this.turns.order(async () => {
      await this.server.kill()
      putRestored(this.server.options, id)
      this.forgetTails()
    })
  }

  /** What it kept of data that are not its own any more. */
  protected forgetTails(): void {}

  stop(within: Milliseconds, signal: AbortSignal): Promise<void> {
    return this.turns.order(async () => {
      signal.throwIfAborted()
      // Ended in order, a primary would finish what nobody has acknowledged.
      if (await this.mayWait(signal)) await this.server.kill()
      else await this.server.end(within)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.turns[Symbol.asyncDispose]()
    this.receivers[Symbol.dispose]()
    this.server[Symbol.dispose]()
  }
}
