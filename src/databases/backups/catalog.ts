// What does a store hold of one database? Reads and writes the documents beside the data:
// manifests, what is known of each history, how trials went.

import { createHash } from 'node:crypto'
import { Fault } from '../../foundation/fault.ts'
import type { Instant } from '../../foundation/time.ts'
import type { BackupEngine } from './engine.ts'
import type { Base, Kept, KeptHistory, Trial } from './model.ts'
import { baseFolder, manifestKey } from './parts.ts'
import { type BackupStore, below } from './store.ts'

/** Of the form of the documents; another one is not understood. */
const format = 1
const historyKey = 'history.json'
const trialsKey = 'trials.json'
const trialsMost = 50

const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A document with the sum of what it holds. */
const sealed = (value: unknown): Buffer => {
  const text = JSON.stringify(value)
  return Buffer.from(`${JSON.stringify({ format, sha256: sumOf(text), value }, undefined, 2)}\n`)
}

/** What such a document holds; `undefined` unless all of it is as it was written. */
function unsealed<T>(bytes: Buffer | undefined): T | undefined {
  if (bytes === undefined) return undefined
  try {
    const { format: form, sha256, value } = JSON.parse(bytes.toString('utf8'))
    return form === format && sumOf(JSON.stringify(value)) === sha256 ? (value as T) : undefined
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined
    throw thrown
  }
}

/** The store of one history. */
export const historyStore = (store: BackupStore, origin: string): BackupStore =>
  below(store, origin)

/** All that is kept, the oldest history first. `damaged` hears of manifests that cannot be used. */
export async function readKept(
  store: BackupStore,
  engine: BackupEngine,
  damaged: (key: string) => void,
): Promise<Kept> {
  const found = await store.list('')
  const origins = new Set(found.map(({ key }) => key.split('/')[0] ?? ''))
  const histories: KeptHistory[] = []
  for (const origin of origins) {
    const at = historyStore(store, origin)
    const about = unsealed<{ readonly since: Instant }>(await at.read(historyKey))
    if (about === undefined) continue
    const keys = found.map(({ key }) => key).filter((key) => key.startsWith(`${origin}/bases/`))
    const bases = await readBases(store, keys, damaged)
    histories.push({
      ...{ origin, since: about.since, bases },
      unbroken: await engine.unbroken(bases, at),
      until: await engine.until(at),
    })
  }
  return histories.toSorted((a, b) => a.since - b.since)
}

async function readBases(
  store: BackupStore,
  keys: readonly string[],
  damaged: (key: string) => void,
): Promise<readonly Base[]> {
  const bases: Base[] = []
  for (const key of keys.filter((each) => each.endsWith('/manifest.json'))) {
    const base = unsealed<Base>(await store.read(key))
    if (base === undefined) damaged(key)
    else bases.push(base)
  }
  return bases.toSorted((a, b) => a.began - b.began)
}

/** Writes down that a history is this database's from now on; does nothing where it is known. */
export async function beginHistory(
  store: BackupStore,
  origin: string,
  now: Instant,
  signal: AbortSignal,
): Promise<void> {
  const at = historyStore(store, origin)
  if ((await at.read(historyKey)) !== undefined) return
  await at.put(historyKey, sealed({ since: now }), signal)
}

/**
 * The last thing that is written of a base: from here on it is one. Rejects with a Fault unless all
 * of its parts are there.
 */
export async function finishBase(
  store: BackupStore,
  base: Base,
  signal: AbortSignal,
): Promise<void> {
  const found = await store.list(`${baseFolder(base.id)}/`)
  const lost = base.parts.find(
    ({ key, bytes }) => !found.some((each) => each.key === key && each.bytes === bytes),
  )
  if (lost !== undefined) {
    throw new Fault('failed', `${lost.key} is not as it was put into ${store.place} any more`, {
      remedy: 'see who else removes files there; another backup is made',
    })
  }
  await store.put(manifestKey(base.id), sealed(base), signal)
}

/** Removes a base of one history: its manifest first, so that half of it is never taken for one. */
export async function removeBase(store: BackupStore, id: string): Promise<void> {
  await store.remove(manifestKey(id))
  for (const { key } of await store.list(`${baseFolder(id)}/`)) await store.remove(key)
}

/**
 * What was begun and never finished, by somebody who died. What was written at `before` or later
 * stays: somebody may be at it. Without it all is removed: nobody else can make one now.
 */
export async function removeUnfinished(
  store: BackupStore,
  before?: Instant,
): Promise<readonly string[]> {
  const all = await store.list('bases/')
  const idOf = (key: string): string => key.split('/')[1] ?? ''
  const late = new Set(
    all.filter(({ at }) => before !== undefined && at >= before).map(({ key }) => idOf(key)),
  )
  const found = new Set(all.map(({ key }) => key))
  const ids = new Set(all.map(({ key }) => idOf(key)))
  const unfinished = [...ids].filter((id) => !found.has(manifestKey(id)) && !late.has(id))
  for (const id of unfinished) await removeBase(store, id)
  return unfinished
}

/** Removes all of a history. */
export async function forgetHistory(store: BackupStore, origin: string): Promise<void> {
  const at = historyStore(store, origin)
  await at.remove(historyKey)
  for (const { key } of await at.list('')) await at.remove(key)
}

/** How the trials of all histories went, the oldest first. */
export const readTrials = async (store: BackupStore): Promise<readonly Trial[]> =>
  unsealed<readonly Trial[]>(await store.read(trialsKey)) ?? []

export async function addTrial(
  store: BackupStore,
  trial: Trial,
  signal: AbortSignal,
): Promise<readonly Trial[]> {
  const trials = [...(await readTrials(store)), trial].slice(-trialsMost)
  await store.put(trialsKey, sealed(trials), signal)
  return trials
}

/** One base by its id. Throws a Fault. */
export function findBase(kept: Kept, id: string): { history: KeptHistory; base: Base } {
  for (const history of kept) {
    const base = history.bases.find((each) => each.id === id)
    if (base !== undefined) return { history, base }
  }
  throw new Fault('not-found', `there is no backup ${id} any more`, {
    remedy: 'see which there are: alwayson databases',
  })
}
