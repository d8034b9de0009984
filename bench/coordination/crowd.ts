// Very many sessions, and very many watches that fire at once. Runs as a process of its own, which
// says what it will do and waits to be told to: so its parent reads the server's clock between.
//
//   node bench/coordination/crowd.ts '{"port":2181,"kind":"sessions","count":10000}'

import { createInterface } from 'node:readline'
import { openRawClient, type RawClient } from '../../test/engines/raw-client.ts'
import { pathOf } from './load.ts'

/** What is done: sessions opened and pinged, or watches set and fired. */
export interface CrowdOptions {
  readonly port: number
  readonly kind: 'sessions' | 'watches'
  readonly count: number
}

/** How long one part took, and what was slow in it: milliseconds. */
export interface Part {
  readonly name: string
  readonly count: number
  readonly ms: number
}

const lines = createInterface(process.stdin)[Symbol.asyncIterator]()

/** Does a part when the parent says so, and says how long it took. */
async function part(name: string, count: number, run: () => Promise<void>): Promise<void> {
  process.stdout.write('ready\n')
  await lines.next()
  const began = performance.now()
  await run()
  const done: Part = { name, count, ms: performance.now() - began }
  process.stdout.write(`${JSON.stringify(done)}\n`)
}

async function open(port: number): Promise<RawClient> {
  const client = await openRawClient(port)
  const session = await client.hello({ timeout: 30_000 })
  if (session === undefined || session.sessionId === 0n) throw new Error('no session')
  return client
}

/** So many at a time: as a crowd that comes, not one by one. */
const atOnce = 100

async function sessions({ port, count }: CrowdOptions): Promise<void> {
  const clients: RawClient[] = []
  await part('sessions opened', count, async () => {
    for (let done = 0; done < count; done += atOnce) {
      const some = Math.min(atOnce, count - done)
      clients.push(...(await Promise.all(Array.from({ length: some }, () => open(port)))))
    }
  })
  await part('sessions pinged', count, async () => {
    await Promise.all(clients.map((client) => client.ask('ping', undefined)))
  })
}

async function watches({ port, count }: CrowdOptions): Promise<void> {
  const watchers = 100
  const paths = Array.from({ length: count / watchers }, (_, index) => pathOf(index))
  const clients = await Promise.all(Array.from({ length: watchers }, () => open(port)))
  await part('watches set', count, async () => {
    await Promise.all(
      clients.flatMap((client) => paths.map((path) => client.ask('exists', { path, watch: true }))),
    )
  })
  const [first] = clients
  await part('watches fired', count, async () => {
    // One transaction changes everything that is watched.
    const data = Buffer.from('changed')
    const changes = paths.map((path) => ({ kind: 'setData' as const, path, data, version: -1 }))
    const answer = await first?.ask('multi', changes)
    if (answer?.kind !== 'answer' || answer.error !== 0) throw new Error('nothing was changed')
    await Promise.all(clients.map((client) => client.ask('sync', { path: '/' })))
    const heard = clients.reduce((sum, client) => sum + client.events.length, 0)
    if (heard !== count) throw new Error(`${heard} events of ${count}`)
  })
}

const options = JSON.parse(process.argv[2] ?? '{}') as CrowdOptions
await (options.kind === 'sessions' ? sessions(options) : watches(options))
process.stdout.write('ready\n')
await lines.next()
process.exit(0)
