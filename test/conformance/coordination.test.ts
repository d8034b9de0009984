// The embedded server keeps the promises that rooms build on, and Apache ZooKeeper, alone and as an
// ensemble, keeps the same ones.

import { issue, makeAuthority } from '../../src/control/doors/certificates.ts'
import { openDial } from '../../src/coordination/client/transport.ts'
import { openRandom } from '../../src/foundation/random.ts'
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

const limits = { timeoutMostMs: 60_000, overdueCheckMs: 100 }

coordinationConformance('the embedded server', async () => {
  const server = await openEmbedded({ limits })
  return {
    hosts: `127.0.0.1:${server.port}`,
    ...bounds,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
})

coordinationConformance('the embedded server over TLS', async () => {
  const authority = makeAuthority('test', new Date())
  const { cert, key } = issue(authority, { name: 'a', hosts: ['127.0.0.1'] }, new Date())
  const tls = { ca: authority.cert, cert, key }
  const server = await openEmbedded({ limits, tls })
  return {
    hosts: `127.0.0.1:${server.port}`,
    dial: openDial(openRandom(), tls),
    ...bounds,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
})
