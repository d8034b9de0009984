// One fault at a time: what is done to the servers or to the balancer, and for how long.

import { setTimeout as pause } from 'node:timers/promises'
import type { Origins } from '../lib/origins.ts'
import type { Balancer } from '../peers/balancer.ts'

/** Three servers are routed to; the second one is the one that suffers. */
const victim = 1
const routed = [0, 1, 2] as const
const outage = 6000

/** What is done between the beginning and the end of the load. */
export interface FaultPlan {
  /** What a reader of the table needs to know. */
  readonly what: string
  /** Whether Always On runs the replicas itself in this one: it has to restart them. */
  readonly runsReplicas?: boolean
  /** How long to go on looking afterwards, in ms. */
  readonly after?: number
  inject(balancer: Balancer, origins: Origins): Promise<void>
}

/** By the names that the RATIO lines carry, in the order in which they run. */
export const faults = {
  kill: {
    what: 'one server killed with SIGKILL, back after 6 s',
    async inject(_, origins) {
      await origins.kill(victim)
      await pause(outage)
      await origins.start(victim)
    },
  },
  hang: {
    what: 'one server stopped with SIGSTOP for 10 s',
    async inject(_, origins) {
      origins.freeze(victim)
      await pause(10_000)
      origins.thaw(victim)
    },
  },
  err500: {
    what: 'one server answers 500 for 6 s',
    async inject(_, origins) {
      await origins.mode(victim, 'err500')
      await pause(outage)
      await origins.mode(victim, 'well')
    },
  },
  slow: {
    what: 'one server 2 s slower for 6 s',
    async inject(_, origins) {
      await origins.mode(victim, 'slow')
      await pause(outage)
      await origins.mode(victim, 'well')
    },
  },
  drain: {
    what: 'one server drained for 6 s, and taken back',
    async inject(balancer) {
      await balancer.drain(victim)
      await pause(outage)
      await balancer.undrain(victim)
    },
  },
  all_down: {
    what: 'all servers killed, back after 8 s',
    async inject(_, origins) {
      await Promise.all(routed.map((index) => origins.kill(index)))
      await pause(8000)
      await Promise.all(routed.map((index) => origins.start(index)))
    },
  },
  apply: {
    what: 'a fourth server added, removed and added by a change of the file, 1.5 s apart',
    async inject(balancer) {
      for (const servers of [[...routed, 3], routed, [...routed, 3]]) {
        await balancer.route(servers)
        await pause(1500)
      }
    },
  },
  deploy: {
    what: 'every server replaced by a new process, one after the other',
    runsReplicas: true,
    inject: (balancer) => balancer.deploy(),
  },
  agent_kill: {
    what: 'the process the operator talks to killed with SIGKILL, and started again',
    runsReplicas: true,
    inject: (balancer) => balancer.killControl(),
  },
  edge_kill: {
    what: 'one process that carries requests killed with SIGKILL',
    inject: (balancer) => balancer.killData(),
  },
} as const satisfies Record<string, FaultPlan>

export type FaultName = keyof typeof faults

/** The plan of a fault, as its type and not as its literal. */
export const planOf = (name: FaultName): FaultPlan => faults[name]
