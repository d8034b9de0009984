// The simulated coordinator keeps the promises of the port that the real ones keep, alone and as an
// ensemble whose servers learn late.

import { suite, test } from 'node:test'
import { openRandom } from '../../src/foundation/random.ts'
import { type Milliseconds, ms, openClock } from '../../src/foundation/time.ts'
import { Ensemble } from '../../src/simulation/coordinator/ensemble.ts'
import type { Cuts } from '../../src/simulation/coordinator/link.ts'
import { SimulatedSession } from '../../src/simulation/coordinator/session.ts'
import { portPromises } from './coordinator-port.ts'
import { leadershipPromises } from './leadership.ts'
import type { PortScene } from './port-scene.ts'
import { recipePromises } from './recipes.ts'

const clock = openClock()
const random = openRandom()
const delay = (): Milliseconds => ms(random.next() * 3)
const timeoutLeast = 1000

let scenes = 0

function setScene(servers: number, opened: AsyncDisposableStack): PortScene {
  scenes += 1
  const ensemble = new Ensemble({ clock, delay, servers })
  const open = async (
    timeout = ms(8000),
    cuts: () => Cuts = () => ({ up: false, down: false }),
  ) => {
    const session = new SimulatedSession({
      ...{ ensemble, wire: clock, clock, random, delay, timeout, cuts },
      arrives: (then) => then(),
      stirred: () => {},
    })
    opened.use(session)
    await session.connected
    return session
  }
  return {
    timeoutLeast,
    name: `/scene-${scenes}`,
    coordinate: (timeout) => open(timeout),
    async coordinateFaulty(timeout) {
      let silent = false
      const cuts = (): Cuts => ({ up: silent, down: silent })
      const session = await open(timeout, cuts)
      const network = {
        cut: () => session.reset(),
        silence(on: boolean) {
          silent = on
          session.cut(cuts)
        },
      }
      return { coordinator: session, network }
    },
  }
}

for (const [name, servers] of [
  ['the simulated coordinator', 1],
  ['a simulated ensemble', 3],
] as const) {
  suite(`${name} is a coordinator`, { concurrency: 8 }, () => {
    const promise = (title: string, run: (scene: PortScene) => Promise<void>): void => {
      test(title, async () => {
        await using opened = new AsyncDisposableStack()
        await run(setScene(servers, opened))
      })
    }
    portPromises(promise)
    recipePromises(promise)
    leadershipPromises(promise)
  })
}
