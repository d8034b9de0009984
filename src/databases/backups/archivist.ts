// Keeps the backups of one database: receives its log, makes bases when they are due, tries them,
// and removes what is kept too long. Looks, lets the rules decide, and does it.

import { describeError, Fault } from '../../foundation/fault.ts'
import { type Clock, type Instant, later, ms, since, sleep } from '../../foundation/time.ts'
import { encryptionOf, isSpoken } from '../encryption.ts'
import type { MemberAddress } from '../engine.ts'
import type { BackupPlan, DatabaseView } from '../model.ts'
import type { BackupsOverview } from '../overview.ts'
import {
  addTrial,
  beginHistory,
  findBase,
  finishBase,
  forgetHistory,
  historyStore,
  readKept,
  readTrials,
  removeBase,
  removeUnfinished,
} from './catalog.ts'
import { describeBytes, describePace, instantAsName } from './describe.ts'
import type { BackupEngine } from './engine.ts'
import type { BackupAction, Base, BasePart, Kept, KeptHistory, Trial } from './model.ts'
import { putPart } from './parts.ts'
import { makesBackups, servingMember, sourceOf } from './places.ts'
import { spanOf } from './restore-point.ts'
import { decideBackups } from './rules.ts'
import type { BackupStore } from './store.ts'
import type { Task, Works } from './works.ts'

/** What an archivist stands on. */
export interface ArchivistOptions {
  readonly plan: BackupPlan
  readonly engine: BackupEngine
  /** The store of this database alone. */
  readonly store: BackupStore
  readonly works: Works
  readonly clock: Clock
  /** This machine's name, where there are several. */
  readonly machine: string | undefined
  readonly view: () => DatabaseView
  /** Folders of a server that is thrown away. */
  readonly scratch: { readonly data: string; readonly run: string }
  readonly changed: () => void
  readonly event: (rule: string, why: string, seen?: Readonly<Record<string, unknown>>) => void
}

const lookEvery = ms(500)
/** What lies in the store is read anew after so long, though nothing was done here. */
const readEvery = ms(30_000)
/** Between two connections to a primary whose log cannot be received. */
const againAfter = ms(1000)
/** The log of the last moments is still on its way when a copy is complete. */
const loggedWithin = ms(60_000)
/** Nobody who lives writes nothing for so long in the midst of a base. */
const brokenOffAfter = ms(3_600_000)

/** The member that the log comes from, and the history that it is on. */
interface Stream {
  readonly member: string
  readonly epoch: number
  readonly isSecured: boolean
  readonly stop: AbortController
  origin: string | undefined
  receiving: boolean
  until: Instant | undefined
}

export class Archivist {
  readonly #options: ArchivistOptions
  #kept: Kept = []
  #trials: readonly Trial[] = []
  #readAt: Instant | undefined
  #origin: string | undefined
  #stream: Stream | undefined
  #failed: { readonly at: Instant; readonly times: number } | undefined
  #rule = ''
  #trouble = ''

  constructor(options: ArchivistOptions) {
    this.#options = options
  }

  /** Looks until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    let isMine = false
    while (!signal.aborted) {
      const mine = makesBackups(this.#options.view(), this.#options.machine, clock.now(), isMine)
      try {
        if (mine && !isMine) this.#readAt = undefined
        isMine = mine
        await this.#readIfOld(mine)
        if (mine) {
          this.#follow(signal)
          await this.#decide(signal)
        } else this.#let('another machine makes the backups')
        this.#trouble = ''
      } catch (thrown) {
        if (signal.aborted) break
        this.#tell('backups-troubled', describeError(thrown))
      }
      await sleep(clock, lookEvery, signal).catch(() => {})
    }
    this.#stream?.stop.abort(signal.reason)
    await this.#options.works.settled()
  }

  /** Once for every trouble. */
  #tell(rule: string, why: string): void {
    if (why === this.#trouble) return
    this.#trouble = why
    this.#options.event(rule, why)
  }

  /** What somebody who died had begun; where others may be at one, only what is old. */
  async #tidy(isFirst: boolean): Promise<void> {
    const { store, works, clock, machine, event } = this.#options
    if (works.isBusy('backup')) return
    const isAlone = machine === undefined && isFirst
    const before = isAlone ? undefined : later(clock.now(), ms(-brokenOffAfter))
    for (const { origin } of this.#kept) {
      const removed = (await removeUnfinished(historyStore(store, origin), before)).join(', ')
      if (removed !== '') event('half-made-removed', `${removed} had been broken off`)
    }
  }

  async #readIfOld(mine: boolean): Promise<void> {
    const at = this.#readAt
    if (at !== undefined && since(at, this.#options.clock.now()) < readEvery) return
    await this.#read()
    if (mine) await this.#tidy(at === undefined)
  }

  async #read(): Promise<void> {
    const { store, engine, clock, event } = this.#options
    this.#kept = await readKept(store, engine, (key) => {
      const why = `${key} is not what was written`
      if (why !== this.#trouble) event('manifest-damaged', why)
      this.#trouble = why
    })
    this.#trials = await readTrials(store)
    this.#readAt = clock.now()
    this.#options.changed()
  }

  /** Receives the log of whoever serves; of nobody while nobody does. */
  #follow(signal: AbortSignal): void {
    const view = this.#options.view()
    const member = servingMember(view)
    const epoch = view.record?.epoch ?? 0
    const isSecured = isSpoken(encryptionOf(view.plan, view.record))
    const stream = this.#stream
    const isSame = stream?.member === member && stream?.epoch === epoch
    if (stream !== undefined && isSame && stream.isSecured === isSecured) return
    this.#let('another member serves, or it is reached otherwise')
    if (member === undefined) return
    const stop = new AbortController()
    const either = AbortSignal.any([signal, stop.signal])
    this.#stream = {
      ...{ member, epoch, isSecured, stop, origin: undefined, receiving: false, until: undefined },
    }
    void this.#receive(this.#stream, addressOf(view, member), either)
  }

  /** Receives from nobody for now. */
  #let(why: string): void {
    this.#stream?.stop.abort(new Error(why))
    this.#stream = undefined
  }

  async #receive(stream: Stream, member: MemberAddress, signal: AbortSignal): Promise<void> {
    const { engine, store, clock, event } = this.#options
    let trouble = ''
    while (!signal.aborted) {
      try {
        const origin = await engine.origin(member, signal)
        await beginHistory(store, origin, clock.now(), signal)
        stream.origin = origin
        this.#origin = origin
        await this.#read()
        await engine.receive(
          member,
          historyStore(store, origin),
          ({ receiving, until }) => {
            stream.receiving = receiving
            stream.until = until ?? stream.until
            if (receiving) trouble = ''
          },
          signal,
        )
      } catch (thrown) {
        stream.receiving = false
        if (signal.aborted) return
        const why = describeError(thrown)
        if (why !== trouble) event('log-not-received', why)
        trouble = why
      }
      await sleep(clock, againAfter, signal).catch(() => {})
    }
  }

  async #decide(signal: AbortSignal): Promise<void> {
    const { plan, store, engine, clock, view, works, event } = this.#options
    if (works.isBusy('backup') || works.isBusy('trial') || works.isBusy('restore')) return
    const stream = this.#stream
    const history = this.#history()
    const { rule, why, actions } = decideBackups({
      ...{ now: clock.now(), every: plan.every, keep: plan.keep, tryEvery: plan.tryEvery },
      history,
      former: this.#kept.filter((each) => each !== history && each.since < (history?.since ?? 0)),
      source: sourceOf(view(), clock.now()),
      receiving: stream?.receiving === true && stream.origin === this.#origin,
      trials: this.#trials,
      failed: this.#failed,
    })
    if (rule !== this.#rule) event(rule, why)
    this.#rule = rule
    for (const action of actions) await this.#carryOut(action, signal)
    if (!actions.some(({ kind }) => kind === 'remove' || kind === 'forget')) return
    await this.#read()
    const [oldest] = this.#history()?.bases ?? []
    if (oldest !== undefined) await engine.prune(oldest, historyStore(store, oldest.origin), signal)
  }

  #history(): KeptHistory | undefined {
    return this.#kept.find(({ origin }) => origin === this.#origin)
  }

  async #carryOut(action: BackupAction, signal: AbortSignal): Promise<void> {
    const { store, works } = this.#options
    switch (action.kind) {
      case 'make':
        this.#remember(works.begin('backup', this.#backUpTask(), signal).done)
        return
      case 'try':
        this.#remember(works.begin('trial', this.#trialTask(action.base), signal).done)
        return
      case 'remove':
        return await removeBase(historyStore(store, action.origin), action.base)
      case 'forget':
        return await forgetHistory(store, action.origin)
    }
  }

  #remember(done: Promise<boolean>): void {
    const { clock } = this.#options
    void done.then((well) => {
      const times = (this.#failed?.times ?? 0) + 1
      this.#failed = well ? undefined : { at: clock.now(), times }
    })
  }

  /** Begins a base backup now; resolves to the id of the work. */
  backUp(signal: AbortSignal): string {
    const { works, view, clock } = this.#options
    if (works.isBusy('backup')) {
      throw new Fault('in-use', 'a backup is being made already', {
        remedy: 'wait until it has ended: alwayson databases',
      })
    }
    if (sourceOf(view(), clock.now()) === undefined || this.#origin === undefined) {
      const { name } = view().plan
      throw new Fault('refused', `no member of ${name} can be copied now`, {
        remedy: `alwayson why ${name}`,
      })
    }
    return works.begin('backup', this.#backUpTask(), signal).id
  }

  /** Begins to restore the latest backup on trial; resolves to the id of the work. */
  tryLatest(signal: AbortSignal): string {
    const base = this.#history()?.bases.at(-1)
    if (base === undefined) {
      throw new Fault('not-found', 'there is no backup to try yet', { remedy: 'make one first' })
    }
    return this.#options.works.begin('trial', this.#trialTask(base.id), signal).id
  }

  #backUpTask(): Task {
    return async (progress, signal) => {
      const { store, engine, clock, view } = this.#options
      const began = clock.now()
      const now = view()
      const source = sourceOf(now, began)
      const origin = this.#origin
      if (source === undefined || origin === undefined) {
        throw new Fault('failed', 'no member can be copied now')
      }
      const at = historyStore(store, origin)
      const id = instantAsName(began)
      const parts: BasePart[] = []
      try {
        const copied = await engine.copy(
          addressOf(now, source),
          `alwayson ${id}`,
          async (name, bytes) => {
            parts.push(await putPart(at, id, name, bytes, signal))
          },
          progress,
          signal,
        )
        const { name: database, engine: kind } = now.plan
        const base = { id, database, engine: kind, origin, source, began, parts, ...copied }
        await this.#untilLogged(base, at, signal)
        await finishBase(at, base, signal)
        await this.#read()
        const stored = parts.reduce((sum, { bytes }) => sum + bytes, 0)
        const pace = describePace(copied.bytes, since(began, clock.now()))
        return `${id}: ${pace} from ${source}, ${describeBytes(stored)} stored`
      } catch (thrown) {
        await removeBase(at, id)
        throw thrown
      }
    }
  }

  /** It can be brought to no moment before the log has been received up to its end. */
  async #untilLogged(base: Base, store: BackupStore, signal: AbortSignal): Promise<void> {
    const { engine, clock } = this.#options
    const begun = clock.now()
    while ((await engine.unbroken([base], store)).length === 0) {
      if (since(begun, clock.now()) > loggedWithin) {
        throw new Fault('timed-out', 'the log was not received up to the end of the copy', {
          remedy: 'see why it is not: alwayson events',
        })
      }
      await sleep(clock, lookEvery, signal)
    }
  }

  #trialTask(id: string): Task {
    return async (progress, signal) => {
      const { store, engine, clock, scratch } = this.#options
      const began = clock.now()
      const { history, base } = findBase(this.#kept, id)
      let trial: Trial
      let failure: unknown
      try {
        const { found, bytes } = await engine.restore(
          {
            ...{ store: historyStore(store, history.origin), base, to: undefined },
            ...{ until: this.until(), data: scratch.data, run: scratch.run },
            ...{ accounts: undefined, purpose: 'trial', progress },
          },
          signal,
        )
        const pace = describePace(bytes, since(began, clock.now()))
        trial = { base: id, at: clock.now(), well: true, line: `${found ?? ''} (${pace})` }
      } catch (thrown) {
        if (signal.aborted) throw thrown
        failure = thrown
        trial = { base: id, at: clock.now(), well: false, line: describeError(thrown) }
      }
      this.#trials = await addTrial(store, trial, signal)
      if (!trial.well) throw failure
      return `${id} can be restored: ${trial.line}`
    }
  }

  /** Until when the log has been received of the history that the database is on. */
  until(): Instant | undefined {
    return this.#stream?.until ?? this.#history()?.until
  }

  /** What is kept, as far as it is known, with what is being received. */
  async kept(): Promise<Kept> {
    await this.#read()
    const live = this.until()
    return this.#kept.map((each) =>
      each.origin === this.#origin && live !== undefined ? { ...each, until: live } : each,
    )
  }

  overview(): BackupsOverview {
    const { plan } = this.#options
    const history = this.#history() ?? this.#kept.at(-1)
    const span = history && spanOf({ ...history, until: this.until() ?? history.until })
    const tried = this.#trials.at(-1)
    return {
      to: plan.to,
      count: history?.bases.length ?? 0,
      last: history?.bases.at(-1)?.ended,
      ...{ from: span?.from, until: span?.until },
      tried: tried && { at: tried.at, well: tried.well, line: tried.line },
      receiving: this.#stream?.receiving === true,
      trouble: this.#trouble,
    }
  }
}

const addressOf = ({ plan }: DatabaseView, name: string): MemberAddress => {
  const found = plan.members.find((each) => each.name === name)
  if (found === undefined) throw new Fault('not-found', `${plan.name} has no member ${name}`)
  return { member: name, host: found.host, port: found.port }
}
