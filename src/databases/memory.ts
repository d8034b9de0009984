// What does a keeper know of its member when it begins anew? What it has promised, and what it was
// told last: on disk before anybody else hears of it.

import { readWhole, writeWhole } from '../control/whole-file.ts'
import { Fault } from '../foundation/fault.ts'
import type { Encryption, Position } from './model.ts'

/** What one keeper remembers. */
export interface KeeperMemory {
  /** The epoch it serves or follows at. */
  readonly epoch: number
  /** It neither receives nor acknowledges for an epoch below. */
  readonly promised: number
  /** It carries out no order that follows from an older record. */
  readonly version: number
  /** Whom it was told to follow, and at which epoch. */
  readonly source: { readonly member: string; readonly epoch: number } | undefined
  /** Of a primary: by the order of which version it acknowledges as it does, and since where. */
  readonly acksVersion: number
  readonly acksSince: Position | undefined
  /** The `reinit` that its data was last copied for, or the restore that they come from. */
  readonly copiedFor: string | undefined
  /** At which epoch what was restored took the place of its data; `undefined`: it has others. */
  readonly restoredAt?: number | undefined
  /** Of a replica that has less than it once had, and may have acknowledged: what it had. */
  readonly lost?: Position | undefined
  /** Which database its data are of, as its server names it. */
  readonly origin: string | undefined
  /** The last `restart` that was asked for, and the process that was its server then. */
  readonly restart: { readonly id: string; readonly process: string } | undefined
  /** The step towards TLS, or back, that it was brought to. */
  readonly encryption?: Encryption | undefined
}

/** Where a keeper's memory is kept. */
export interface KeeperStore {
  load(): KeeperMemory
  /** On disk when it returns; throws a Fault if it is not. */
  save(memory: KeeperMemory): void
}

/** A keeper that has never done anything. */
export const nothingPromised: KeeperMemory = {
  ...{ epoch: 0, promised: 0, version: 0, source: undefined },
  ...{ restart: undefined, origin: undefined },
  ...{ acksVersion: 0, acksSince: undefined, copiedFor: undefined },
}

/** The memory of a keeper in one file. */
export const openKeeperStore = (path: string): KeeperStore => ({
  load() {
    const text = readWhole(path)
    if (text === undefined) return nothingPromised
    try {
      return { ...nothingPromised, ...(JSON.parse(text) as Partial<KeeperMemory>) }
    } catch (cause) {
      throw new Fault('corrupt', `what a member has promised cannot be read from ${path}`, {
        cause,
        remedy: 'put the file back from a copy, or remove the member’s data and that file together',
      })
    }
  },
  save: (memory) => writeWhole(path, JSON.stringify(memory)),
})

/** What a keeper remembers, on disk before anybody acts by it. */
export class Remembered {
  readonly #store: KeeperStore
  #now: KeeperMemory

  constructor(store: KeeperStore) {
    this.#store = store
    this.#now = store.load()
  }

  get now(): KeeperMemory {
    return this.#now
  }

  /** Throws a Fault where it cannot be kept: then it is not so. */
  note(news: Partial<KeeperMemory>): void {
    const next = { ...this.#now, ...news }
    if (JSON.stringify(next) === JSON.stringify(this.#now)) return
    this.#store.save(next)
    this.#now = next
  }
}
