// Who may, when only one may at a time? In the order of asking, with a token that outlives the
// lock.

import { Fault } from '../../foundation/fault.ts'
import { type Coordinator, whyNot } from '../coordinator.ts'
import type { NodeCheck } from '../model.ts'
import { until } from './follow.ts'
import { ensure, forget, persevere } from './persevere.ts'

/** A lock while it is held. */
export interface HeldLock {
  /**
   * Higher than that of every holder before. Whatever the lock protects must remember the highest
   * token it has seen and refuse lower ones: a holder that was stopped for longer than its session
   * does not know that it has lost the lock.
   */
  readonly token: bigint
  /** Put this into writes to the coordinator: they are refused once the lock is lost. */
  readonly guard: NodeCheck
}

/**
 * Waits for its turn, runs `use`, and gives the lock back. The signal of `use` is aborted when the
 * lock is lost, or with `signal`. Returns what `use` returns.
 *
 * ```ts
 * await whileHolding(coordinator, '/locks/backup', ticket, signal, async (lock, held) => {
 *   await backUp(lock.token, held)
 * })
 * ```
 *
 * `ticket` is a name that nobody else has: by it our place is found again when the answer to asking
 * for it was lost.
 */
export async function whileHolding<T>(
  coordinator: Coordinator,
  path: string,
  ticket: string,
  signal: AbortSignal,
  use: (lock: HeldLock, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const either = AbortSignal.any([signal, coordinator.over])
  await ensure(coordinator, path, either)
  await using turn = await takePlace(coordinator, path, ticket, either)
  const { node } = turn
  await waitForTurn(coordinator, path, node, either)
  const mine = await persevere(() => coordinator.read(node, either))
  if (mine === undefined) throw taken(node)
  const lost = new AbortController()
  const check = async (): Promise<void> => {
    try {
      if ((await persevere(() => coordinator.read(node))) === undefined) lost.abort(taken(node))
    } catch (thrown) {
      lost.abort(thrown)
    }
  }
  await using _ = await persevere(() => coordinator.watch(node, false, () => void check(), either))
  await check()
  const lock = {
    token: mine.made,
    guard: { kind: 'check', path: node, version: mine.version },
  } as const
  return await use(lock, AbortSignal.any([either, lost.signal]))
}

const taken = (node: string): Fault =>
  new Fault('refused', `the place ${node} in the queue was taken away`)

/** A place in the queue, given back when disposed. */
interface Place extends AsyncDisposable {
  readonly node: string
}

async function takePlace(
  coordinator: Coordinator,
  path: string,
  ticket: string,
  signal: AbortSignal,
): Promise<Place> {
  const node = await makePlace(coordinator, path, ticket, signal)
  return { node, [Symbol.asyncDispose]: () => forget(coordinator, node) }
}

async function makePlace(
  coordinator: Coordinator,
  path: string,
  ticket: string,
  signal: AbortSignal,
): Promise<string> {
  const create = {
    kind: 'create',
    path: `${path}/${ticket}-`,
    life: 'ephemeral-sequential',
  } as const
  for (;;) {
    try {
      const [node] = await coordinator.write([create], signal)
      if (node !== undefined) return node
    } catch (thrown) {
      const why = whyNot(thrown)
      if (signal.aborted) await giveUp(coordinator, path, ticket)
      if (why !== 'not-done' && why !== 'unknown') throw thrown
    }
    const node = await findPlace(coordinator, path, ticket)
    if (node !== undefined) return node
  }
}

/** Our node, should it be there although nobody told us. */
async function findPlace(
  coordinator: Coordinator,
  path: string,
  ticket: string,
): Promise<string | undefined> {
  await persevere(() => coordinator.sync())
  const names = (await persevere(() => coordinator.list(path))) ?? []
  const name = names.find((one) => one.startsWith(`${ticket}-`))
  return name === undefined ? undefined : `${path}/${name}`
}

/** Asked for, and no longer wanted before the answer came: it must not stay in the queue. */
async function giveUp(coordinator: Coordinator, path: string, ticket: string): Promise<void> {
  if (coordinator.over.aborted) return
  const node = await findPlace(coordinator, path, ticket)
  if (node !== undefined) await forget(coordinator, node)
}

/** The number that the server put behind a name. */
const numberOf = (name: string): number => Number(name.slice(-10))

/** Waits for whoever is before us, and for them only, so that one release wakes one waiter. */
async function waitForTurn(
  coordinator: Coordinator,
  path: string,
  node: string,
  signal: AbortSignal,
): Promise<void> {
  const own = numberOf(node)
  for (;;) {
    const names = (await persevere(() => coordinator.list(path, signal))) ?? []
    if (!names.some((name) => numberOf(name) === own)) throw taken(node)
    const before = names.filter((name) => numberOf(name) < own)
    const last = before.toSorted((a, b) => numberOf(a) - numberOf(b)).at(-1)
    if (last === undefined) return
    const ahead = `${path}/${last}`
    const look = (at: AbortSignal) => coordinator.read(ahead, at)
    await until(
      coordinator,
      { path: ahead, deep: false, look },
      (seen) => seen === undefined,
      signal,
    )
  }
}
