// The two servers under test, each a process of its own: the embedded one and Apache ZooKeeper.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openRawClient } from '../../test/engines/raw-client.ts'
import { openCreateAcl } from '../../test/engines/raw-records.ts'
import { zookeeperClassPath } from '../../test/engines/zookeeper.ts'
import { freePorts } from '../lib/ports.ts'
import { type Child, start, until } from '../lib/processes.ts'
import { pathOf } from './load.ts'

/** A server that runs. */
export interface Running extends AsyncDisposable {
  readonly name: string
  readonly port: number
  readonly child: Child
  /** Milliseconds from its start to its first answer. */
  readonly startMs: number
}

/** A server that can be started. */
export interface Subject {
  readonly name: string
  start(folder: string): Promise<Running>
}

/** Both keep 10,000 sessions of 30 s, write every commit to the disk, and limit nothing else. */
const main = join(import.meta.dirname, '../../src/coordination/embedded/main.ts')

const embedded = (port: number, folder: string): readonly [string, readonly string[]] => [
  process.execPath,
  [main, JSON.stringify({ folder, port, limits: { timeoutMostMs: 60_000 } })],
]

/** The heap that zkServer.sh gives unless told otherwise, and the collector that Java chooses. */
function zookeeper(port: number, folder: string): readonly [string, readonly string[]] {
  const config = join(folder, 'zoo.cfg')
  const settings = {
    tickTime: 2000,
    dataDir: folder,
    clientPort: port,
    clientPortAddress: '127.0.0.1',
    maxClientCnxns: 0,
    minSessionTimeout: 1000,
    maxSessionTimeout: 60_000,
    'admin.enableServer': false,
    '4lw.commands.whitelist': '*',
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`)
  writeFileSync(config, lines.join(''))
  const server = 'org.apache.zookeeper.server.quorum.QuorumPeerMain'
  const logging = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
  return ['/usr/bin/java', ['-Xmx1000m', logging, '-cp', zookeeperClassPath, server, config]]
}

/** Whether a server answers within a moment; one that only just begins may leave a client alone. */
const answers = (port: number): Promise<boolean> =>
  Promise.race([isAnswered(port), pause(300, false)])

async function isAnswered(port: number): Promise<boolean> {
  try {
    using client = await openRawClient(port)
    if ((await client.hello({ timeout: 30_000 })) === undefined) return false
    const answer = await client.ask('exists', { path: '/', watch: false })
    return answer.kind === 'answer' && answer.error === 0
  } catch {
    // Nobody listens yet.
    return false
  }
}

const subject = (
  name: string,
  command: (port: number, folder: string) => readonly [string, readonly string[]],
): Subject => ({
  name,
  async start(folder) {
    mkdirSync(folder, { recursive: true })
    const [port = 0] = await freePorts(1)
    const [program, args] = command(port, folder)
    const began = performance.now()
    // Compiled code is kept from one start to the next, as `bin/alwayson.js` keeps it.
    const env = { NODE_COMPILE_CACHE: join(dirname(folder), 'compiled') }
    const child = start(program, args, { log: join(folder, 'output'), env })
    await until(`${name} answers`, () => answers(port), 30_000)
    const startMs = performance.now() - began
    return { name, port, child, startMs, [Symbol.asyncDispose]: () => child.stop() }
  },
})

/** The embedded server first. */
export const subjects: readonly Subject[] = [
  subject('embedded', embedded),
  subject('zookeeper', zookeeper),
]

/** Makes the nodes that the loads read and write. */
export async function furnish(port: number, nodes: number, bytes: number): Promise<void> {
  using client = await openRawClient(port)
  await client.hello({ timeout: 30_000 })
  const node = { data: Buffer.alloc(bytes, 0x61), acl: openCreateAcl, flags: 0 }
  await client.ask('create', { ...node, path: '/bench' })
  const made = Array.from({ length: nodes }, (_, index) =>
    client.ask('create', { ...node, path: pathOf(index) }),
  )
  for (const answer of await Promise.all(made)) {
    if (answer.kind === 'closed' || answer.error !== 0) throw new Error('a node was not made')
  }
}
