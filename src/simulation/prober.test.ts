// The simulated prober keeps the promises of the port that the one of real servers keeps.

import { type ProberWorld, proberConformance } from '../../test/conformance/prober.ts'
import { seededRandom } from '../foundation/random.ts'
import { ms } from '../foundation/time.ts'
import { VirtualClock } from './clock.ts'
import { SimulatedMachine } from './machine.ts'
import { SimulatedNetwork } from './network.ts'
import { openSimulatedProber } from './prober.ts'
import { goodProgram } from './program.ts'
import { silent } from './trace.ts'

async function openWorld(): Promise<ProberWorld> {
  const clock = new VirtualClock()
  const network = new SimulatedNetwork(clock, seededRandom(1))
  const machine = new SimulatedMachine({ clock, network, trace: silent, works() {} })
  const host = '127.0.0.1'
  let port = 1000
  return {
    prober: openSimulatedProber(clock, machine),
    async serve(behaviour) {
      port += 1
      if (behaviour.kind === 'refuses') return { host, port }
      const program = { ...goodProgram, listensAfter: ms(0) }
      const status = behaviour.kind === 'answers' ? behaviour.status : 200
      const process = machine.spawn(`web-${port}`, { ...program, status }, port, () => {})
      clock.run(ms(1))
      if (behaviour.kind === 'hangs') machine.signal(process, 'SIGSTOP')
      if (behaviour.kind === 'closes') {
        // It dies while the question is open.
        const look = (): void => {
          if (process.checks.size > 0) machine.signal(process, 'SIGKILL')
          else clock.after(ms(0.01), look)
        }
        look()
      }
      return { host, port }
    },
    async until(done) {
      for (let waited = 0; !done(); waited += 1) {
        if (waited > 30_000) throw new Error('nothing was seen within 30 s')
        clock.run(ms(1))
      }
    },
    async [Symbol.asyncDispose]() {},
  }
}

proberConformance('the prober of a simulated machine', openWorld)
