// What befalls a cluster in tests and benchmarks, each with how it is put right again, and how long
// nobody led.

import { until } from '../engines/waiting.ts'
import type { ClusterLab, Host } from './cluster-lab.ts'

/** What may befall the machine that leads. */
export const leaderFaults = ['killed', 'stopped', 'cut', 'deaf', 'dead'] as const

export type LeaderFault = (typeof leaderFaults)[number]

/** What each of them is. */
export const describedFaults: Readonly<Record<LeaderFault, string>> = {
  killed: 'the agent that leads is killed',
  stopped: 'the agent that leads is stopped (SIGSTOP) for longer than its session',
  cut: 'the machine that leads is cut off',
  deaf: 'the machine that leads hears nobody, and is heard',
  dead: 'the machine that leads loses its power',
}

/** What came of a fault. */
export interface Suffered {
  readonly victim: Host
  readonly successor: string
  /** From the fault to the next leader. */
  readonly leaderless: number
  /** Puts things right, and waits until all is well. */
  heal(): Promise<void>
}

/** Lets a fault befall whoever leads, and waits until somebody else does. */
export async function suffer(lab: ClusterLab, fault: LeaderFault): Promise<Suffered> {
  let victim: Host | undefined
  await until('all agree who leads', async () => {
    victim = await lab.leader()
    return victim !== undefined
  })
  const host = victim!
  const at = Date.now()
  const heal = begin(lab, host, fault)
  const led = await lab.ledAfter(at, host.name)
  return {
    victim: host,
    successor: led.by,
    leaderless: Math.max(0, led.at - at),
    async heal() {
      if (fault === 'stopped') await untilAway(lab, host)
      heal()
      await lab.well()
    },
  }
}

/** Waits until the session of one that was stopped is over: it wakes and leads no longer. */
async function untilAway(lab: ClusterLab, victim: Host): Promise<void> {
  const other = lab.hosts.find((host) => host !== victim)!
  await until('its session is over', async () => {
    const { cluster } = await other.status()
    return cluster?.machines.find(({ name }) => name === victim.name)?.state === 'away'
  })
}

/** Lets it happen; returns what puts it right. */
function begin(lab: ClusterLab, { agent, machine, up }: Host, fault: LeaderFault): () => void {
  switch (fault) {
    case 'killed':
      agent.kill('SIGKILL')
      return up
    case 'stopped':
      agent.kill('SIGSTOP')
      return () => {
        agent.kill('SIGCONT')
      }
    case 'cut':
      machine.plug(false)
      return () => machine.plug(true)
    case 'deaf': {
      const others = lab.hosts.filter((other) => other.machine !== machine)
      const peers = others.map(({ machine: { address } }) => address)
      machine.deaf(lab.server === undefined ? peers : [...peers, lab.server.address])
      return () => machine.deaf([])
    }
    case 'dead':
      machine.plug(false)
      void machine.powerOff()
      return () => {
        machine.plug(true)
        up()
      }
  }
}
