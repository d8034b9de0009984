// How is something kept in view? Looked at once, and again after every change; what changes while
// nobody looks is seen in one look.

import type { Coordinator } from '../coordinator.ts'
import { persevere, waker } from './persevere.ts'

/** What is looked at. */
export interface View<T> {
  readonly path: string
  /** Whether all below the node counts, or the node and its list of children. */
  readonly deep: boolean
  look(signal: AbortSignal): Promise<T>
}

/**
 * Gives what `look` sees, now and after every change, also after those that may have been missed
 * while the connection was lost. Whoever takes its time over one value gets the newest next. Ends
 * by throwing: the signal's reason, or that the session is over.
 *
 * ```ts
 * for await (const names of follow(coordinator, view, signal)) console.log(names)
 * ```
 */
export async function* follow<T>(
  coordinator: Coordinator,
  { path, deep, look }: View<T>,
  signal: AbortSignal,
): AsyncGenerator<T, never> {
  const either = AbortSignal.any([signal, coordinator.over])
  const bell = waker()
  await using _ = await persevere(() => coordinator.watch(path, deep, bell.wake, either))
  for (;;) {
    yield await persevere(() => look(either))
    await bell.wait(either)
  }
}

/** Waits until what is in view is as wished, and returns it. */
export async function until<T>(
  coordinator: Coordinator,
  view: View<T>,
  asWished: (seen: T) => boolean,
  signal: AbortSignal,
): Promise<T> {
  for await (const seen of follow(coordinator, view, signal)) {
    if (asWished(seen)) return seen
  }
  throw new Error('broken invariant: a view ends by throwing')
}
