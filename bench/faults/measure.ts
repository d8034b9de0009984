// One life: origins, a balancer in front of them, a load, a fault. What did the clients notice?

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startLoad, type Tally, tally } from '../lib/load.ts'
import { openOrigins } from '../lib/origins.ts'
import { cpuMicros } from '../lib/processes.ts'
import type { Balancer, Peer } from '../peers/balancer.ts'
import { type FaultName, planOf } from './faults.ts'

const rate = 500
/** Longer than the longest fault, so that a request that waits is seen to end. */
const deadline = 15_000
const before = 1500
const afterwards = 4000

/** What one life showed. */
export interface Measured extends Tally {
  readonly fault: FaultName
  readonly peer: string
  /** Processor time of the balancer over the whole life, a request. */
  readonly cpuPerRequest: number
}

/** Opens origins and the peer in front of them in a folder of their own, for as long as `use`. */
async function withBalancer<T>(
  peer: Peer,
  runsReplicas: boolean,
  use: (balancer: Balancer, origins: Awaited<ReturnType<typeof openOrigins>>) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  try {
    await using origins = await openOrigins(4, folder)
    const own = join(folder, 'balancer')
    mkdirSync(own)
    const setting = { folder: own, origins, routed: [0, 1, 2], runsReplicas }
    await using balancer = await peer.start(setting)
    return await use(balancer, origins)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The fault `name` under load, with `peer` in front of the servers. */
export function measureFault(name: FaultName, peer: Peer): Promise<Measured> {
  const plan = planOf(name)
  return withBalancer(peer, plan.runsReplicas ?? false, async (balancer, origins) => {
    const cpuBefore = cpuMicros(await balancer.pids())
    const load = startLoad({ port: balancer.port, rate, deadline })
    // Faults do not wait for a round moment of the balancer's checks.
    await pause(before + Math.random() * 1000)
    await plan.inject(balancer, origins)
    await pause(plan.after ?? afterwards)
    const outcomes = await load.stop()
    // A balancer whose processes were replaced has lost their counts: only whole ones are shown.
    const cpu = cpuMicros(await balancer.pids()) - cpuBefore
    return {
      fault: name,
      peer: peer.name,
      ...tally(outcomes),
      cpuPerRequest: cpu / outcomes.length,
    }
  })
}

/** What became of POSTs while one server answers 500 after it has carried them out. */
export interface Repeated {
  readonly peer: string
  readonly posts: number
  readonly executions: number
  /** Answers that told the client of the error. */
  readonly errors: number
}

/** 300 POSTs, one of three servers answers 500 after doing the work. */
export function measureRepeatedPosts(peer: Peer): Promise<Repeated> {
  return withBalancer(peer, false, async (balancer, origins) => {
    await origins.mode(1, 'post500')
    const posts = 300
    const { port } = balancer
    const load = startLoad({ port, rate: 100, deadline, method: 'POST', count: posts })
    await load.done
    const outcomes = await load.stop()
    const errors = outcomes.filter((outcome) => outcome.status !== 200).length
    return { peer: peer.name, posts, executions: origins.posts(), errors }
  })
}
