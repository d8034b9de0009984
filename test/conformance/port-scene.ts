// What every test of a coordinator stands on, whatever is behind the port: its own sessions, some
// of them over a network that fails on demand.

import type { Coordinator } from '../../src/coordination/coordinator.ts'
import { coordinatorOf } from '../../src/coordination/zookeeper.ts'
import { type Milliseconds, ms } from '../../src/foundation/time.ts'
import type { Scene, SceneTest } from './scene.ts'

/** A session, until it is disposed. */
export type OpenSession = Coordinator & AsyncDisposable

/** A network that fails when it is told to. */
export interface FaultyNetwork {
  /** Ends the connection there is, as a reset would. */
  cut(): void
  /** Nothing passes in either direction, and nobody is told; new connections pass after it. */
  silence(on: boolean): void
}

/** One test's share of a coordinator. */
export interface PortScene {
  /** The shortest session it grants. */
  readonly timeoutLeast: number
  /** A name that no other test has. */
  readonly name: string
  coordinate(timeout?: Milliseconds): Promise<OpenSession>
  coordinateFaulty(
    timeout?: Milliseconds,
  ): Promise<{ readonly coordinator: OpenSession; readonly network: FaultyNetwork }>
}

/** A test on such a scene; named as a promise. */
export type PortTest = (name: string, run: (scene: PortScene) => Promise<void>) => void

/** The tests of a ZooKeeper server as tests of a coordinator. */
export const throughClient =
  (test: SceneTest): PortTest =>
  (name, run) =>
    test(name, (scene) => run(portOf(scene)))

/** Servers that come and go in an instant are rested from: these tests have no time for it. */
const backoff = { first: ms(1), factor: 1, most: ms(1), jitter: 0 }

const portOf = (scene: Scene): PortScene => ({
  timeoutLeast: scene.server.timeoutLeast,
  name: scene.root,
  coordinate: async (timeout) =>
    coordinatorOf(await scene.open(timeout === undefined ? {} : { timeout })),
  coordinateFaulty: async (timeout) => {
    const options = timeout === undefined ? { backoff } : { backoff, timeout }
    const { client, network } = await scene.openFaulty(options)
    return { coordinator: coordinatorOf(client), network }
  },
})
