// Every example of docs/coordination.md runs, in the order of the page, against the embedded
// server.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { anyone, digest } from '../../src/coordination/client/acl.ts'
import { openZooKeeper } from '../../src/coordination/client/client.ts'
import { isZooKeeperError } from '../../src/coordination/client/errors.ts'
import { inBarrier } from '../../src/coordination/recipes/barriers.ts'
import { announce, discover } from '../../src/coordination/recipes/discovery.ts'
import { json, openDocument } from '../../src/coordination/recipes/documents.ts'
import { whileLeading } from '../../src/coordination/recipes/leadership.ts'
import { whileHolding } from '../../src/coordination/recipes/locks.ts'
import { openCoordinator } from '../../src/coordination/zookeeper.ts'
import { ms, openClock } from '../../src/foundation/time.ts'
import { openEmbedded } from '../engines/embedded.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/coordination.md'), 'utf8')
const examples = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code)

/** What an example may use without saying where it is from. */
const names = {
  announce,
  anyone,
  digest,
  discover,
  inBarrier,
  isZooKeeperError,
  json,
  ms,
  openCoordinator,
  openDocument,
  openZooKeeper,
  randomUUID,
  whileHolding,
  whileLeading,
}

type Run = (...values: readonly unknown[]) => Promise<void>
const asyncFunction = (async () => {}).constructor as new (...text: readonly string[]) => Run

test('the examples of docs/coordination.md do what they say', async () => {
  assert.ok(examples.length >= 8, `only ${examples.length} examples`)
  await using server = await openEmbedded()
  const hosts = `127.0.0.1:${server.port}`
  await using client = openZooKeeper(hosts)
  await using coordinator = await openCoordinator({ hosts: `${hosts}/examples` })
  const { signal } = new AbortController()
  const console = { log: (): void => {} }
  const given = { ...names, hosts, clock: openClock(), signal, console }
  for (const code of examples) {
    // An example that opens its own client or coordinator does not get one.
    const offered = { ...given, client, coordinator }
    const used = Object.entries(offered).filter(([name]) => !declares(code, name))
    const run = new asyncFunction(...used.map(([name]) => name), code)
    try {
      await run(...used.map(([, value]) => value))
    } catch (cause) {
      throw new Error(`this example fails:\n${code}`, { cause })
    }
  }
})

const declares = (code: string, name: string): boolean =>
  new RegExp(String.raw`(const|using) ${name}\b`).test(code)
