// What one machine's agent does to keep a database beyond its servers: backups, restores,
// comparisons; each as work that the status shows.

import { existsSync } from 'node:fs'
import { Archivist } from '../databases/backups/archivist.ts'
import { historyStore } from '../databases/backups/catalog.ts'
import { describeInstant, describePace } from '../databases/backups/describe.ts'
import type { BackupEngine, Restored } from '../databases/backups/engine.ts'
import type { Base, RestorePoint } from '../databases/backups/model.ts'
import { releaseLog } from '../databases/backups/release.ts'
import { restorePointOf } from '../databases/backups/restore-point.ts'
import { below } from '../databases/backups/store.ts'
import { openFolderStore } from '../databases/backups/stores/folder.ts'
import { type Task, Works } from '../databases/backups/works.ts'
import type { DatabaseBoard } from '../databases/board.ts'
import { encryptionOf, isSpoken } from '../databases/encryption.ts'
import type { DatabaseAccounts } from '../databases/engine.ts'
import type { DialTls, MemberTls } from '../databases/member-tls.ts'
import type { DatabasePlan, DatabaseView, MemberPlan } from '../databases/model.ts'
import type { BackupsOverview, DatabaseWork } from '../databases/overview.ts'
import { accountsOf } from '../databases/passwords.ts'
import { replacedFolder, restoredFolder } from '../databases/restored-data.ts'
import { describeError, Fault } from '../foundation/fault.ts'
import { type Clock, type Instant, ms, since, sleep } from '../foundation/time.ts'
import { backupEngine, memberReader } from './backup-engines.ts'
import type { DatabaseFolders } from './database-folders.ts'
import { verifyTask } from './database-verify.ts'

/** What it stands on. */
export interface KeepingOptions {
  readonly plan: DatabasePlan
  readonly board: DatabaseBoard
  readonly folders: DatabaseFolders
  readonly clock: Clock
  readonly machine: string | undefined
  /** What members on other machines are reached by, where they are reached under TLS. */
  readonly tls: MemberTls | undefined
  /** What passwords follow from. */
  readonly secret: () => string
  readonly changed: () => void
  readonly event: (rule: string, why: string, seen?: Readonly<Record<string, unknown>>) => void
  readonly databases: () => readonly string[]
}

/** An agent that has just begun, or a coordinator that is away, is waited for. */
const takenWithin = ms(600_000)
const lookEvery = ms(200)

export class Keeping {
  readonly #options: KeepingOptions
  readonly #works: Works
  readonly #stop = new AbortController()
  #engine: BackupEngine | undefined
  #archivist: Archivist | undefined

  constructor(options: KeepingOptions) {
    this.#options = options
    const { clock, changed, event } = options
    this.#works = new Works({
      ...{ clock, changed },
      ended: (kind, well, line) => event(well ? `${kind}-done` : `${kind}-failed`, line),
    })
  }

  /** Keeps backups, where the file asks for them, until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stop.abort(signal.reason), { once: true })
    const { plan, clock, changed, event, machine } = this.#options
    if (plan.backups === undefined) return await this.#release(signal)
    try {
      this.#archivist = new Archivist({
        ...{ plan: plan.backups, clock, machine, changed, event, works: this.#works },
        engine: await this.#openEngine(),
        store: below(openFolderStore(plan.backups.to), plan.name),
        view: () => this.view(),
        scratch: this.#scratch('trial'),
      })
      await this.#archivist.run(signal)
    } catch (thrown) {
      if (!signal.aborted) event('no-backups', describeError(thrown))
    } finally {
      await this.#works.settled()
    }
  }

  /** There may have been backups before; of MySQL there are none yet. */
  async #release(signal: AbortSignal): Promise<void> {
    const { plan, clock, event } = this.#options
    if (plan.engine === 'mysql') return
    const engine = await this.#openEngine()
    await releaseLog({ engine, clock, event, view: () => this.view() }, signal)
  }

  work(): readonly DatabaseWork[] {
    return this.#works.list()
  }

  backups(): BackupsOverview | undefined {
    return this.#archivist?.overview()
  }

  view(): DatabaseView {
    const { plan, board } = this.#options
    const { record, members, wish, connected } = board.view()
    return { plan, record, members, connected, ...wish }
  }

  /** By what members are reached at this moment. */
  readonly #dial: DialTls = () => {
    const { plan, board, tls } = this.#options
    return isSpoken(encryptionOf(plan, board.view().record)) ? tls?.() : undefined
  }

  async #openEngine(): Promise<BackupEngine> {
    const { plan, clock, event, secret } = this.#options
    const tls = this.#dial
    const open = await backupEngine(plan.engine)
    const { name: database, home, user, settings } = plan
    this.#engine ??= open({
      ...{ database, home, user, settings, event, tls },
      ...{ run: this.#scratch('copy').run, scratch: this.#scratch('copy').data },
      accounts: accountsOf(plan, secret()),
      now: () => clock.now(),
    })
    return this.#engine
  }

  /** Folders of a server that is thrown away: beside the data, since there is room for them. */
  #scratch(purpose: string): { readonly data: string; readonly run: string } {
    const { folders, plan } = this.#options
    const places = folders.member(plan, `${plan.name}.${purpose}`)
    return { data: places.data, run: places.run }
  }

  #archive(): Archivist {
    if (this.#archivist !== undefined) return this.#archivist
    const { name } = this.#options.plan
    throw new Fault('refused', `${name} has no backups`, {
      remedy: 'give it some in the file: `backups: { to: /backups }`',
    })
  }

  /** Begins a base backup; its id. */
  async backUp(): Promise<string> {
    return this.#archive().backUp(this.#stop.signal)
  }

  /** Begins to bring it back to a moment: in place, or as a new database. Rejects with a Fault. */
  async restore(to: Instant | undefined, as: string | undefined): Promise<string> {
    const archive = this.#archive()
    const { clock, plan } = this.#options
    if (this.#works.isBusy('restore')) {
      throw new Fault('in-use', `${plan.name} is being restored already`, {
        remedy: `wait until that has ended: alwayson databases ${plan.name}`,
      })
    }
    const point = restorePointOf(await archive.kept(), to, clock.now())
    if (point.kind === 'outside') {
      throw new Fault('not-found', point.why, {
        remedy: `alwayson databases ${plan.name} says from when to when it can be restored`,
      })
    }
    const member = this.#localMember()
    const task =
      as === undefined ? this.#inPlace(point, to, member) : this.#asNew(point, to, member, as)
    return this.#works.begin('restore', task, this.#stop.signal).id
  }

  /** Begins to compare the members, and with `repair` to mend them. Rejects with a Fault. */
  async verify(repair: boolean): Promise<string> {
    const { plan, board, clock, event, secret } = this.#options
    if (this.#works.isBusy('verify')) {
      throw new Fault('in-use', `the members of ${plan.name} are being compared already`, {
        remedy: `wait until that has ended: alwayson databases ${plan.name}`,
      })
    }
    const reader = await memberReader(plan.engine)
    const open = async () => reader(accountsOf(plan, secret()), () => clock.now(), this.#dial)
    const task = verifyTask({ open, board, clock, event, view: () => this.view() }, repair)
    return this.#works.begin('verify', task, this.#stop.signal).id
  }

  /** Where what is restored is put: beside a member of this machine, the first in the file. */
  #localMember(): MemberPlan {
    const { plan, machine } = this.#options
    const found = plan.members.find(
      (each) => each.machine === undefined || each.machine === machine,
    )
    if (found !== undefined) return found
    throw new Fault('refused', `no member of ${plan.name} is on this machine`, {
      remedy: `ask on ${plan.members[0]?.machine ?? 'another'}, where there is one`,
    })
  }

  #asNew(point: Found, to: Instant | undefined, { name }: MemberPlan, as: string): Task {
    const { plan, folders, secret, databases } = this.#options
    if (!/^[a-z][a-z0-9_-]{0,62}$/.test(as)) {
      throw new Fault('bad-usage', `\`${as}\` is no name for a database`, {
        remedy: 'lower-case letters, digits, `-` and `_`, with a letter first',
      })
    }
    if (databases().includes(as)) {
      throw new Fault('refused', `there is a database ${as} in the file already`, {
        remedy: 'choose a name that is not in it',
      })
    }
    const member = `${as}${name.slice(plan.name.length)}`
    const { data } = folders.member({ ...plan, name: as }, member)
    if (existsSync(data)) {
      throw new Fault('refused', `${data} is there already`, {
        remedy: 'choose another name, or move that folder away',
      })
    }
    return async (progress, signal) => {
      const accounts = accountsOf({ ...plan, name: as }, secret())
      const become = { accounts, database: as }
      const line = await this.#make(point, to, data, become, progress, signal)
      const { user, database } = plan.app
      return (
        `${line}; it lies in ${data}. To have it run, write in the file: databases: ${as}: ` +
        `{ engine: ${plan.engine}, app: { user: ${user}, database: ${database} } }`
      )
    }
  }

  #inPlace(point: Found, to: Instant | undefined, member: MemberPlan): Task {
    const { plan, folders, board, clock } = this.#options
    if (this.view().paused) {
      throw new Fault('refused', `${plan.name} is paused: nothing is decided`, {
        remedy: `alwayson resume ${plan.name}`,
      })
    }
    const { data, aside } = folders.member(plan, member.name)
    return async (progress, signal) => {
      const id = String(Math.floor(clock.now()))
      const line = await this.#make(point, to, restoredFolder(data), undefined, progress, signal)
      progress({ step: 'put in place', done: 0, of: undefined })
      await board.ask(
        (before) => ({ ...before, request: { kind: 'restore', member: member.name, id } }),
        signal,
      )
      const epoch = await this.#untilServes(id, signal)
      const kept = replacedFolder(aside, id)
      return `${line}; ${member.name} leads from epoch ${epoch}, what it had lies in ${kept}`
    }
  }

  /** Resolves to the epoch at which what was restored serves. */
  async #untilServes(id: string, signal: AbortSignal): Promise<number> {
    const { clock, plan } = this.#options
    const begun = clock.now()
    for (;;) {
      const { record } = this.view()
      const isThere = record?.proofs.some(({ restored }) => restored === id) === true
      if (isThere && record?.phase.kind === 'serving') return record.epoch
      if (since(begun, clock.now()) > takenWithin) {
        throw new Fault('timed-out', 'what was restored has not been put in place yet', {
          remedy: `alwayson why ${plan.name}`,
        })
      }
      await sleep(clock, lookEvery, signal)
    }
  }

  /** Makes the data; from an older base where the best one is damaged. */
  async #make(
    { history, bases }: Found,
    to: Instant | undefined,
    data: string,
    become: { readonly accounts: DatabaseAccounts; readonly database: string } | undefined,
    progress: Parameters<Task>[0],
    signal: AbortSignal,
  ): Promise<string> {
    const { plan, clock, event } = this.#options
    const engine = await this.#openEngine()
    const store = below(openFolderStore(plan.backups?.to ?? ''), plan.name)
    const { run } = this.#scratch('restore')
    const begun = clock.now()
    for (const [at, base] of bases.entries()) {
      const { accounts, database } = become ?? {}
      const about = { base, to, data, run, progress, purpose: 'restore' as const }
      const order = { ...about, accounts, database }
      const until = history.until
      try {
        const made = await engine.restore(
          { ...order, until, store: historyStore(store, history.origin) },
          signal,
        )
        return lineOf(
          plan.name,
          base,
          made,
          to,
          describePace(made.bytes, since(begun, clock.now())),
        )
      } catch (thrown) {
        const isLast = at === bases.length - 1
        if (signal.aborted || isLast || !isDamaged(thrown)) throw thrown
        event('backup-passed-over', `${base.id}: ${describeError(thrown)}`)
      }
    }
    throw new Fault('not-found', 'there is no backup of it any more')
  }
}

type Found = Extract<RestorePoint, { readonly kind: 'found' }>

const isDamaged = (thrown: unknown): boolean => thrown instanceof Fault && thrown.code === 'corrupt'

function lineOf(
  name: string,
  { id }: Base,
  { last }: Restored,
  to: Instant | undefined,
  pace: string,
): string {
  const end = last === undefined ? '' : `, the last commit at ${describeInstant(last)}`
  const moment = to === undefined ? 'all there was' : describeInstant(to)
  return `${name} restored to ${moment}${end}, from ${id}: ${pace}`
}
