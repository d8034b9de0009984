// The embedded server keeps the promises that rooms build on, and Apache ZooKeeper, alone and as an
// ensemble, keeps the same ones.

import { openEmbedded } from '../engines/embedded.ts'
import { openEnsemble, openZooKeeper, zookeeperMissing } from '../engines/zookeeper.ts'
import { coordinationConformance } from './coordination.ts'

const quick = {
  config: { tickTime: 500, minSessionTimeout: 1000, maxSessionTimeout: 60_000 },
  properties: { 'znode.container.checkIntervalMs': 100 },
} as const
/** Sessions outlive what a busy machine makes of a moment, unless a test wants them shorter. */
const bounds = { timeoutLeast: 1000, timeoutMost: 60_000 } as const

coordinationConformance(
  'Apache ZooKeeper alone',
  async () => {
    const server = await openZooKeeper(quick)
    return {
      hosts: `127.0.0.1:${server.port}`,
      ...bounds,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    }
  },
  { missing: zookeeperMissing() },
)

coordinationConformance(
  'an ensemble of Apache ZooKeeper',
  async () => {
    const ensemble = await openEnsemble(quick)
    return {
      hosts: ensemble.hosts,
      ...bounds,
      [Symbol.asyncDispose]: () => ensemble[Symbol.asyncDispose](),
    }
  },
  { missing: zookeeperMissing() },
)

coordinationConformance('the embedded server', async () => {
  const limits = { timeoutMostMs: 60_000, overdueCheckMs: 100 }
  const server = await openEmbedded({ limits })
  return {
    hosts: `127.0.0.1:${server.port}`,
    ...bounds,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
})
