// What every test of a coordination server stands on: a server, a place of its own in the tree, and
// clients that go when the test does.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ClientOptions,
  openZooKeeper,
  type ZooKeeperClient,
} from '../../src/coordination/client/client.ts'
import { isZooKeeperError } from '../../src/coordination/client/errors.ts'
import type { WatchEvent, WatchListener } from '../../src/coordination/client/model.ts'
import { type Dial, openDial } from '../../src/coordination/client/transport.ts'
import { openRandom } from '../../src/foundation/random.ts'
import { ms } from '../../src/foundation/time.ts'
import { until } from '../engines/waiting.ts'
import { type FaultyDial, faultyDial } from './faulty-dial.ts'

/** A server under test, or several that are one. */
export interface CoordinationServer extends AsyncDisposable {
  /** A connect string of all its addresses. */
  readonly hosts: string
  /** The network it is reached by; the machine's unless said otherwise. */
  readonly dial?: Dial
  /** The shortest session it grants. */
  readonly timeoutLeast: number
  /** The longest session it grants. */
  readonly timeoutMost: number
}

/** A promise that this server cannot be held to, and why. */
export type Skips = Readonly<Record<string, string>>

/** One test's share of the server. */
export interface Scene {
  readonly server: CoordinationServer
  /** A node that only this test uses: the root of all its clients. */
  readonly root: string
  /** A connected client that sees only `root`. */
  open(options?: ClientOptions): Promise<ZooKeeperClient>
  /** A connected client that sees only what is below `chroot`. */
  openAt(chroot: string, options?: ClientOptions): Promise<ZooKeeperClient>
  /** Like `open`, over a network that fails on demand. */
  openFaulty(
    options?: ClientOptions,
  ): Promise<{ readonly client: ZooKeeperClient; readonly network: FaultyDial }>
}

/** A test on a scene; named as a promise. */
export type SceneTest = (name: string, run: (scene: Scene) => Promise<void>) => void

let scenes = 0

/** How tests are declared against a server that is opened once for all of them. */
export function sceneTests(server: () => CoordinationServer, skip: Skips): SceneTest {
  return (name, run) => {
    test(name, { skip: skip[name] ?? false }, async () => {
      await using opened = new AsyncDisposableStack()
      await run(await setScene(server(), opened))
    })
  }
}

async function setScene(server: CoordinationServer, opened: AsyncDisposableStack): Promise<Scene> {
  scenes += 1
  const root = `/scene-${process.pid}-${scenes}`
  const dial = server.dial ?? openDial(openRandom())
  const openAt = async (chroot: string, options: ClientOptions = {}): Promise<ZooKeeperClient> => {
    const timeout = ms(server.timeoutMost)
    const client = openZooKeeper(server.hosts + chroot, { dial, timeout, ...options })
    opened.use(client)
    await client.connected(AbortSignal.timeout(120_000))
    return client
  }
  /** A client that knows the root: of an ensemble its server may not have heard of it yet. */
  const openHere = async (options: ClientOptions): Promise<ZooKeeperClient> => {
    for (;;) {
      try {
        const client = await openAt(root, options)
        await client.catchUp()
        return client
      } catch (thrown) {
        // On a busy machine short sessions may not live to see it.
        if (!isZooKeeperError(thrown, 'connection-loss', 'session-expired')) throw thrown
      }
    }
  }
  const keeper = await openAt('', {})
  await keeper.create(root)
  return {
    server,
    root,
    openAt,
    open: (options = {}) => openHere(options),
    openFaulty: async (options = {}) => {
      const network = faultyDial(dial)
      return { client: await openHere({ ...options, dial: network.dial }), network }
    },
  }
}

/** Collects what a watch tells, for comparison. */
export interface Told {
  readonly listener: WatchListener
  readonly events: readonly WatchEvent[]
  /** Resolves when so many events have come in all; rejects after 30 s. */
  heard(count: number): Promise<readonly WatchEvent[]>
}

export function told(): Told {
  const events: WatchEvent[] = []
  return {
    events,
    listener: (event) => {
      events.push(event)
    },
    heard: async (count) => {
      await until(
        `${count} events, not only ${JSON.stringify(events)}`,
        () => events.length >= count,
      )
      return events
    },
  }
}

/** `kind path` of each event. */
export const said = (events: readonly WatchEvent[]): readonly string[] =>
  events.map(({ kind, path }) => `${kind} ${path}`)

/** Asserts that an operation fails with this error of ZooKeeper's. */
export const failsWith = (operation: Promise<unknown>, error: string): Promise<void> =>
  assert.rejects(operation, (thrown: { error?: string }) => {
    assert.equal(thrown.error, error, String(thrown))
    return true
  })
