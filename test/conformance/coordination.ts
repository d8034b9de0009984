// The promises that every coordination server keeps to our client: the embedded one, Apache
// ZooKeeper alone and as an ensemble, and the simulated one.

import { after, before, suite } from 'node:test'
import { accessPromises } from './coordination-access.ts'
import { nodePromises } from './coordination-nodes.ts'
import { sessionPromises } from './coordination-sessions.ts'
import { transactionPromises } from './coordination-transactions.ts'
import { watchPromises } from './coordination-watches.ts'
import { portPromises } from './coordinator-port.ts'
import { leadershipPromises } from './leadership.ts'
import { throughClient } from './port-scene.ts'
import { recipePromises } from './recipes.ts'
import { type CoordinationServer, type Skips, sceneTests } from './scene.ts'

/**
 * Holds a server to its promises. It is opened once, and every test uses a node of its own. With
 * `missing` the suite is skipped, for that reason.
 */
export function coordinationConformance(
  name: string,
  open: () => Promise<CoordinationServer>,
  { skip = {}, missing = false }: { readonly skip?: Skips; readonly missing?: string | false } = {},
): void {
  suite(`${name} is a coordination server`, { skip: missing, concurrency: 8 }, () => {
    let server: CoordinationServer | undefined
    before(async () => {
      server = await open()
    })
    after(async () => {
      await server?.[Symbol.asyncDispose]()
    })
    const test = sceneTests(() => {
      if (server === undefined) throw new Error('the server was not opened')
      return server
    }, skip)
    nodePromises(test)
    transactionPromises(test)
    accessPromises(test)
    watchPromises(test)
    sessionPromises(test)
    portPromises(throughClient(test))
    recipePromises(throughClient(test))
    leadershipPromises(throughClient(test))
  })
}
