// Members of one database with an archivist beside them, as the suites of backups use them.

import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Archivist } from '../../src/databases/backups/archivist.ts'
import { historyStore } from '../../src/databases/backups/catalog.ts'
import type { BackupEngine, OpenBackups, Restored } from '../../src/databases/backups/engine.ts'
import type { Base, Kept } from '../../src/databases/backups/model.ts'
import { restorePointOf } from '../../src/databases/backups/restore-point.ts'
import { openFolderStore } from '../../src/databases/backups/stores/folder.ts'
import { Works } from '../../src/databases/backups/works.ts'
import { firstRecord } from '../../src/databases/board.ts'
import type { BackupPlan, DatabaseView, MemberSighting } from '../../src/databases/model.ts'
import { type Clock, type Instant, ms, openClock } from '../../src/foundation/time.ts'
import {
  accounts,
  alone,
  type MemberKind,
  patience,
  Scene,
  soon,
} from '../conformance/database-scene.ts'
import { until } from './waiting.ts'

/** Nothing is due by itself within a test. */
const rarely: Omit<BackupPlan, 'to'> = { every: ms(1e9), keep: 2, tryEvery: undefined }

export class BackupBed implements AsyncDisposable {
  readonly scene: Scene
  readonly engine: BackupEngine
  readonly clock: Clock = openClock()
  readonly folder: string
  readonly works: Works
  readonly events: string[] = []
  archivist: Archivist
  /** Whom the record names, at which epoch. */
  serving = { member: 'm1', epoch: 1 }
  #stop = new AbortController()
  #running: Promise<void>
  readonly #plan: BackupPlan

  private constructor(scene: Scene, open: OpenBackups, plan: Partial<BackupPlan>) {
    this.scene = scene
    this.folder = join(scene.folder, 'backups')
    this.#plan = { to: this.folder, ...rarely, ...plan }
    this.engine = open({
      ...{ database: 'orders', accounts, home: scene.kind.home, user: undefined, settings: {} },
      run: join(scene.folder, 'programs'),
      scratch: join(scene.folder, 'copy'),
      now: () => this.clock.now(),
      event: (rule, why) => this.events.push(`${rule}: ${why}`),
    })
    this.works = new Works({
      clock: this.clock,
      changed: () => {},
      ended: (kind, well, line) => this.events.push(`${kind} ${well ? 'done' : 'failed'}: ${line}`),
    })
    this.archivist = this.#makeArchivist()
    this.#running = this.archivist.run(this.#stop.signal)
  }

  /** m1 serves, the others follow, and the log is received. */
  static async open(
    kind: MemberKind,
    open: OpenBackups,
    count: number,
    plan: Partial<BackupPlan> = {},
  ): Promise<BackupBed> {
    const scene = await Scene.open(kind, count)
    try {
      await scene.begin()
      return new BackupBed(scene, open, plan)
    } catch (thrown) {
      await scene[Symbol.asyncDispose]()
      throw thrown
    }
  }

  #makeArchivist(): Archivist {
    return new Archivist({
      ...{ plan: this.#plan, engine: this.engine, works: this.works, clock: this.clock },
      ...{ store: openFolderStore(this.folder), machine: undefined, changed: () => {} },
      view: () => this.#view(),
      scratch: { data: join(this.scene.folder, 'trial'), run: join(this.scene.folder, 'tr') },
      event: (rule, why) => this.events.push(`${rule}: ${why}`),
    })
  }

  #view(): DatabaseView {
    const { member: primary, epoch } = this.serving
    const now = this.clock.now()
    const members = this.scene.seats.map(
      ({ name }) =>
        ({
          ...{ member: name, heard: now, server: name === primary ? 'primary' : 'replica', epoch },
          ...{ upstream: name === primary ? undefined : primary, lag: 0, diverged: false },
        }) as MemberSighting,
    )
    const plan = {
      ...{ name: 'orders', engine: 'postgresql', readLag: ms(1000) },
      members: this.scene.seats.map(({ name, options }) => ({ ...options.address, name })),
    } as unknown as DatabaseView['plan']
    const record = { ...firstRecord, epoch, phase: { kind: 'serving' as const, primary } }
    return { plan, record, members, paused: false, request: undefined, connected: true }
  }

  /** Another archivist in place of this one, as after a restart of the agent. */
  async restart(meanwhile = async (): Promise<void> => undefined): Promise<void> {
    this.#stop.abort(new Error('the agent ends'))
    await this.#running
    await meanwhile()
    this.#stop = new AbortController()
    this.archivist = this.#makeArchivist()
    this.#running = this.archivist.run(this.#stop.signal)
  }

  /** All that is kept. */
  kept(): Promise<Kept> {
    return this.archivist.kept()
  }

  /** Resolves to the newest base once there are so many whole ones. */
  async bases(count: number): Promise<Base> {
    let found: readonly Base[] = []
    await until(
      `${count} backups`,
      async () => {
        found = (await this.kept()).at(-1)?.bases ?? []
        return found.length >= count
      },
      patience,
    )
    return found.at(-1) as Base
  }

  /** A moment by now all of whose commits have been received. */
  async moment(): Promise<Instant> {
    const now = this.clock.now()
    await until('the log is received', () => (this.archivist.until() ?? 0) > now, patience)
    return now
  }

  /** Restores as a trial does, or so that the data can be used; what lies in `place` then. */
  async restore(to: Instant | undefined, place = 'restored'): Promise<Restored> {
    const kept = await this.kept()
    const point = restorePointOf(kept, to, this.clock.now())
    if (point.kind === 'outside') throw new Error(point.why)
    const [base] = point.bases
    const store = historyStore(openFolderStore(this.folder), point.history.origin)
    return await this.engine.restore(
      {
        ...{ store, to, until: point.history.until, accounts: undefined, purpose: 'restore' },
        ...{ base: base as Base, data: join(this.scene.folder, place, 'data') },
        ...{ run: join(this.scene.folder, place, 'run'), progress: () => {} },
      },
      soon(),
    )
  }

  /** The ids that m1 has once it has taken what was restored at `place` for its own data. */
  async idsAfter(place: string, id: string): Promise<readonly number[]> {
    const { engine, options } = this.scene.seat('m1')
    rmSync(`${options.data}.restored`, { recursive: true, force: true })
    renameSync(join(this.scene.folder, place, 'data'), `${options.data}.restored`)
    await engine.takeRestored(id, soon())
    // Asked again, it finds its work done.
    await engine.takeRestored(id, soon())
    await engine.promote({ epoch: 100 + Number(id), acks: alone }, soon())
    return await this.scene.ids('m1')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the test ends'))
    await this.#running
    await this.scene[Symbol.asyncDispose]()
  }
}
