// The simulated guards keep the promises of the port that real ones keep.

import {
  type HostBed,
  quickRestart,
  replicaHostConformance,
} from '../../test/conformance/replica-host.ts'
import { templateOf } from '../agent/templates.ts'
import { seededRandom } from '../foundation/random.ts'
import { ms } from '../foundation/time.ts'
import type { RunTemplate } from '../services/model.ts'
import { VirtualClock } from './clock.ts'
import { SimulatedGuards } from './host.ts'
import { SimulatedMachine } from './machine.ts'
import { SimulatedNetwork } from './network.ts'
import { goodProgram, type Program } from './program.ts'
import { simulatedService } from './spec.ts'
import { silent } from './trace.ts'

const programs = new Map<string, Program>(
  Object.entries({
    serve: {},
    exit: { endsAfter: ms(1), exitCode: 3 },
    defy: { stopsAfter: undefined },
    missing: { unstartable: true },
  }).map(([name, differs]) => [
    name,
    { ...goodProgram, name: name === 'missing' ? '/no-such-program' : name, ...differs },
  ]),
)

async function openBed(): Promise<HostBed> {
  const clock = new VirtualClock()
  const random = seededRandom(1)
  const network = new SimulatedNetwork(clock, random)
  const machine = new SimulatedMachine({ clock, network, trace: silent, works() {} })
  const guards = new SimulatedGuards({ clock, random, machine, programs, trace: silent })
  const events: HostBed['events'][number][] = []
  let changes = 0
  const find = (pid: number) => [...machine.processes()].find((process) => process.pid === pid)
  return {
    events,
    changes: () => changes,
    open: async () =>
      guards.open({
        changed: () => {
          changes += 1
        },
        event: (rule, subject, why, seen) => events.push({ rule, subject, why, seen }),
      }),
    template: (does, differs: Partial<RunTemplate> = {}) => ({
      ...templateOf(simulatedService(does, 1)),
      restart: quickRestart,
      ...differs,
    }),
    async until(what, holds) {
      for (let waited = 0; !holds(); waited += 1) {
        if (waited > 100_000) throw new Error(`not within 100 s: ${what}`)
        clock.run(ms(1))
      }
    },
    isAlive: (pid) => find(pid) !== undefined,
    crash(pid) {
      const process = find(pid)
      if (process !== undefined) machine.signal(process, 'SIGKILL')
    },
    killGuard(id) {
      const guard = guards.guards().find(({ order }) => order.id === id)
      if (guard !== undefined) guards.kill(guard, false)
    },
    async [Symbol.asyncDispose]() {},
  }
}

replicaHostConformance('the host of a simulated machine', openBed)
