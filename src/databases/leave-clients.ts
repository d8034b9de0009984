// How does a server that is to be started anew get rid of its clients? Whoever leads them is told
// first, and leads them elsewhere between two of their questions; only then is the server closed.

import { type Clock, later, ms, sleep } from '../foundation/time.ts'
import type { MemberEngine } from './engine.ts'

/** Everybody who leads clients has heard of it by then; who is left is ended by the server. */
const heardWithin = ms(5000)
/** Nobody has heard of it sooner. */
const heardAfter = ms(250)
const lookEvery = ms(50)

/** Resolves when no client is left, or all that lead any have heard that they should go. */
export async function leaveClients(
  engine: MemberEngine,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const until = later(clock.now(), heardWithin)
  await sleep(clock, heardAfter, signal)
  while (clock.now() < until) {
    const { clients = 0 } = await engine.look(signal)
    if (clients === 0) return
    await sleep(clock, lookEvery, signal)
  }
}
