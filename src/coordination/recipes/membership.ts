// Who takes part? Each as long as its session lives, known by a name and a value.

import { Fault } from '../../foundation/fault.ts'
import { type Coordinator, failedAt, whyNot } from '../coordinator.ts'
import type { Member } from '../model.ts'
import type { Codec } from './documents.ts'
import { follow } from './follow.ts'
import { ensure, forget, persevere } from './persevere.ts'

/** Taking part, until disposed or lost. */
export interface Membership<T> extends AsyncDisposable {
  readonly id: string
  /** Aborted when somebody took the name, or the session is over. */
  readonly lost: AbortSignal
  /** Tells the others another value. Rejects once the membership is lost. */
  update(value: T, signal?: AbortSignal): Promise<void>
}

const takenOver = (node: string): Fault =>
  new Fault('refused', `the membership ${node} was taken over`)

const memberPath = (path: string, id: string): string => `${path}/${id}`

/**
 * Takes part under `id`, a name without slashes. A member of that name that an earlier session left
 * is replaced, so that a restarted process need not wait for its own past; a living one of the
 * same name loses its membership, and knows it.
 */
export async function join<T>(
  coordinator: Coordinator,
  path: string,
  id: string,
  value: T,
  codec: Codec<T>,
  signal?: AbortSignal,
): Promise<Membership<T>> {
  await ensure(coordinator, path, signal)
  const node = memberPath(path, id)
  try {
    await claim(coordinator, node, codec.format(value), signal)
  } catch (thrown) {
    // Sent and then no longer wanted: it must not stay behind.
    if (signal?.aborted && !coordinator.over.aborted) await forgetOwn(coordinator, node)
    throw thrown
  }
  const lost = new AbortController()
  const check = async (): Promise<void> => {
    try {
      const seen = await persevere(() => coordinator.read(node))
      if (seen?.owner === coordinator.session) return
      lost.abort(takenOver(node))
    } catch (thrown) {
      lost.abort(thrown)
    }
  }
  const watch = await persevere(() => coordinator.watch(node, false, () => void check(), signal))
  await check()
  return {
    id,
    lost: lost.signal,
    async update(next, at) {
      lost.signal.throwIfAborted()
      const seen = await persevere(() => coordinator.read(node, at))
      if (seen?.owner !== coordinator.session) throw takenOver(node)
      const { version } = seen
      await coordinator.write([{ kind: 'set', path: node, data: codec.format(next), version }], at)
    },
    async [Symbol.asyncDispose]() {
      await watch[Symbol.asyncDispose]()
      if (!lost.signal.aborted) await forgetOwn(coordinator, node)
    },
  }
}

/** Leaves, unless somebody else has taken the name meanwhile, or the session has ended. */
async function forgetOwn(coordinator: Coordinator, node: string): Promise<void> {
  try {
    const seen = await persevere(() => coordinator.read(node))
    if (seen?.owner === coordinator.session) await forget(coordinator, node)
  } catch (thrown) {
    if (whyNot(thrown) !== 'over') throw thrown
  }
}

/** Makes the node ours, whoever had it. */
async function claim(
  coordinator: Coordinator,
  node: string,
  data: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const create = { kind: 'create', path: node, data, life: 'ephemeral' } as const
  for (;;) {
    const before = await persevere(() => coordinator.read(node, signal))
    // Ours already: an earlier try was made although its answer was lost.
    if (before?.owner === coordinator.session) return
    const clear =
      before === undefined ? [] : [{ kind: 'delete', path: node, version: before.version } as const]
    try {
      await coordinator.write([...clear, create], signal)
      return
    } catch (thrown) {
      const why = whyNot(thrown)
      const vanished = why === 'missing' && failedAt(thrown) === 0 && clear.length > 0
      const raced = why === 'exists' || why === 'version' || vanished
      if (!raced && why !== 'not-done' && why !== 'unknown') throw thrown
      // Read afresh: a server that is behind would show the same past again.
      await persevere(() => coordinator.sync(signal))
    }
  }
}

/** Who takes part now, in the order of joining, and again after every change. */
export const members = <T>(
  coordinator: Coordinator,
  path: string,
  codec: Codec<T>,
  signal: AbortSignal,
): AsyncGenerator<readonly Member<T>[], never> =>
  follow(
    coordinator,
    { path, deep: true, look: (at) => readMembers(coordinator, path, codec, at) },
    signal,
  )

/** Who takes part, as this session's server knows it; nobody if the place was never made. */
export async function readMembers<T>(
  coordinator: Coordinator,
  path: string,
  codec: Codec<T>,
  signal?: AbortSignal,
): Promise<readonly Member<T>[]> {
  const names = (await coordinator.list(path, signal)) ?? []
  const found = await Promise.all(
    names.map(async (id): Promise<readonly Member<T>[]> => {
      const node = await coordinator.read(memberPath(path, id), signal)
      // Gone between the two looks: the watch brings us here again.
      if (node === undefined) return []
      return [{ id, value: codec.parse(node.data), joined: node.made }]
    }),
  )
  return found.flat().toSorted((a, b) => (a.joined < b.joined ? -1 : 1))
}
