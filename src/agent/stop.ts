// How everything ends, in order: doors first, then what is behind them.

import { type Clock, type Milliseconds, ms, sleep } from '../foundation/time.ts'
import type { Adapters } from './adapters.ts'
import type { AgentState } from './model.ts'

/** From the end of accepting to the end of patience with what was in flight. */
const finishWithin = ms(10_000)

/**
 * Stops accepting, lets what is in flight end, then ends every replica by its own deadline.
 * Resolves when nothing is left.
 */
export async function stopAll(
  { balancer, host }: Pick<Adapters, 'balancer' | 'host'>,
  state: AgentState,
  clock: Clock,
): Promise<void> {
  await balancer.stop(finishWithin)
  for (const { id, service, revision } of host.observe()) {
    host.stop(id, patience(state, service, revision))
  }
  while (host.observe().length > 0) await sleep(clock, ms(10))
}

/** Waits no longer for anything that `stopAll` still waits for. */
export function stopNow({ balancer, host }: Pick<Adapters, 'balancer' | 'host'>): void {
  void balancer.stop(ms(0))
  for (const { id } of host.observe()) host.stop(id, ms(0))
}

const patience = (state: AgentState, service: string, revision: number): Milliseconds =>
  state.services[service]?.templates[revision]?.stopWithin ?? finishWithin
