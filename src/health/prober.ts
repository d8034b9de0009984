// The port: asks one server once.

import type { AgentCheck, AgentReport, Sighting, Target } from './model.ts'

/**
 * Asks servers. The answer is always a sighting: a server that cannot be reached, answers wrongly
 * or too late is seen as failed, with the reason; nothing is thrown.
 */
export interface Prober {
  probe(target: Target, seen: (sighting: Sighting) => void): void
}

/**
 * Asks the agents beside servers. One that cannot be reached or says nothing that is known is not
 * heard: that is no news, as in HAProxy; its next turn comes. `heard` is called once.
 */
export interface AgentAsker {
  ask(target: Target, agent: AgentCheck, heard: (report: AgentReport | undefined) => void): void
}
