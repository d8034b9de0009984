// Control runs: a world with a broken part must break the promise that speaks of it. A promise that
// no sabotage breaks is not watched.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { instant, ms } from '../foundation/time.ts'
import type { ReplicaHost } from '../services/host.ts'
import type { Sabotage } from './agent.ts'
import type { ClientRequest } from './clients.ts'
import { BrokenPromise, type PromiseId, promises } from './invariants.ts'
import { servesAgain, untilWell } from './life.ts'
import { goodProgram } from './program.ts'
import { SimulatedWorld } from './world.ts'

/** How a world is broken: from its beginning, or by hand once all is well. */
interface Broken {
  readonly ports?: Sabotage
  readonly byHand?: (world: SimulatedWorld) => void
}

/** A host whose methods are replaced in part. */
const altered =
  (differs: (honest: ReplicaHost) => Partial<ReplicaHost>) =>
  (honest: ReplicaHost): ReplicaHost => ({
    observe: () => honest.observe(),
    start: (order) => honest.start(order),
    stop: (id, within) => honest.stop(id, within),
    leave: () => honest.leave(),
    ...differs(honest),
  })

const firstGuard = (world: SimulatedWorld) => world.guards.guards()[0]!

const request = (differs: Partial<ClientRequest> = {}): ClientRequest => ({
  ...{ id: 1e6, service: 'web', idempotent: true, sentAt: instant(0), executions: 0 },
  process: undefined,
  ...differs,
})

const sabotages: Readonly<Record<PromiseId, Broken>> = {
  'one-process': { byHand: (world) => world.guards.begin(firstGuard(world).order) },
  'one-template': {
    byHand(world) {
      world.programs.set('other', { ...goodProgram, name: 'other' })
      const { order } = firstGuard(world)
      const template = { ...order.template, argv: ['simulated', 'other'] }
      world.guards.begin({ ...order, id: 'web-9', template })
    },
  },
  'pass-first': {
    ports: {
      // A prober that sees what it wishes for.
      prober: () => ({
        probe: (_target, seen) =>
          queueMicrotask(() => seen({ kind: 'passed', at: ms(0) as never, took: ms(0) })),
      }),
    },
  },
  'tables-grow': {
    byHand: (world) =>
      world.watcher.pushes({ version: 1, frontends: [], pools: [] }, world.agent.core!),
  },
  'empty-first': {
    byHand(world) {
      Object.assign(world.ailments, { slowUntil: 1e9 })
    },
    ports: {
      // Edges that say they have heard, and that nothing is in flight, whatever is true.
      balancer: (honest) => {
        let last = 0
        return {
          ...{ name: honest.name, can: honest.can },
          apply: (table, edges) => {
            last = table.version
            return honest.apply(table, edges)
          },
          observe: () =>
            honest.observe().map((edge) => ({
              ...edge,
              report: { edge: edge.edge, table: last, servers: {}, frontends: {} },
            })),
          stop: (within) => honest.stop(within),
          leave: () => honest.leave(),
          entrust: (secrets) => honest.entrust(secrets),
        }
      },
    },
  },
  'post-once': {
    byHand: (world) => world.watcher.over(request({ idempotent: false, executions: 2 }), 200),
  },
  'answered-once': {
    byHand(world) {
      const twice = request()
      for (const status of [200, 200]) world.watcher.over(twice, status)
    },
  },
  'hedged-little': {
    // An edge that sends everything twice.
    byHand(world) {
      const [edge] = world.edges.edges()
      const honest = edge!.report.bind(edge)
      edge!.report = () => {
        const report = honest()
        const doubled = Object.entries(report.frontends).map(([name, door]) => {
          return [name, { ...door, hedged: 1000 + door.requests }] as const
        })
        return { ...report, frontends: Object.fromEntries(doubled) }
      }
    },
  },
  'enough-up': {
    ports: {
      // A host that loses sight of a replica after a while.
      host: altered((honest) => {
        let looks = 0
        return {
          start: (order) => {
            if (looks < 400) honest.start(order)
          },
          observe: () => {
            looks += 1
            return looks < 400 ? honest.observe() : honest.observe().slice(1)
          },
        }
      }),
    },
  },
  'nobody-waits-in-vain': {
    byHand(world) {
      world.network.door = () => undefined
    },
  },
  'repeated-elsewhere': {
    // An edge that answers for a server that has fallen, instead of asking another.
    byHand(world) {
      for (const { number } of world.edges.edges()) world.edges.kill(number)
      world.edges.revive = () => {}
    },
  },
  'no-busy-loop': {
    ports: { host: altered(() => ({ stop() {} })) },
  },
  'no-crash': {
    ports: {
      host: altered((honest) => {
        let looks = 0
        return {
          observe: () => {
            looks += 1
            if (looks > 400) throw new Error('a bug')
            return honest.observe()
          },
        }
      }),
    },
  },
  'comes-to-rest': {
    // From then on every process is born frozen, also the one that is started again.
    byHand(world) {
      const spawn = world.machine.spawn.bind(world.machine)
      world.machine.spawn = (...how) => {
        const process = spawn(...how)
        world.machine.signal(process, 'SIGSTOP')
        return process
      }
      world.machine.signal(firstGuard(world).process!, 'SIGKILL')
    },
  },
  'all-hear': {
    ports: {
      balancer: (honest) => ({
        ...{ name: honest.name, can: honest.can, apply: async () => {} },
        observe: () =>
          honest.observe().map((edge) => ({ ...edge, report: { ...edge.report!, table: 1e9 } })),
        stop: (within) => honest.stop(within),
        leave: () => honest.leave(),
        entrust: (secrets) => honest.entrust(secrets),
      }),
    },
  },
  'nothing-is-left': {
    byHand: (world) => void world.machine.spawn('stray', goodProgram, 1, () => {}),
  },
  'serves-again': {
    // Nobody can connect any more, and health, which asks by other means, sees nothing of it.
    byHand(world) {
      world.network.door = () => undefined
    },
  },
}

/** Which requests must not fail in the world of a promise. */
const served: Partial<Readonly<Record<PromiseId, 'all' | 'repeatable'>>> = {
  'nobody-waits-in-vain': 'all',
  'repeated-elsewhere': 'repeatable',
}

/** Lives through a deploy in a broken world, and says which promise it broke. */
async function breach({ ports = {}, byHand }: Broken, promise: PromiseId): Promise<string> {
  const world = new SimulatedWorld({
    ...{ seed: 1, services: 1, edges: 2, requestsPerSecond: 20, sabotage: ports },
    promised: {
      enoughUp: promise === 'enough-up',
      served: served[promise] ?? 'none',
    },
  })
  try {
    world.operator.want('web', { replicas: 3 })
    world.agent.start()
    await untilWell(world)
    byHand?.(world)
    await world.run(ms(3000))
    world.operator.wish('good')
    await world.run(ms(3000))
    await untilWell(world)
    await servesAgain(world)
    return 'none'
  } catch (thrown) {
    if (thrown instanceof BrokenPromise) return thrown.breach.promise
    return 'no-crash'
  }
}

suite('a broken world breaks the promise', () => {
  for (const [promise, broken] of Object.entries(sabotages)) {
    test(`${promise}: ${promises[promise as PromiseId]}`, async () => {
      assert.equal(await breach(broken, promise as PromiseId), promise)
    })
  }

  test('and one that is not broken breaks none', async () => {
    assert.equal(await breach({}, 'no-crash'), 'none')
  })
})
