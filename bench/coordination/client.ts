// What does our own client cost? One session that keeps so many requests under way, in a process of
// its own, whose processor time is read before and after.
//
//   node bench/coordination/client.ts '{"port":2181,"kind":"read","window":1000,"seconds":3}'

import { openZooKeeper } from '../../src/coordination/client/client.ts'
import { ms } from '../../src/foundation/time.ts'

/** What is asked. */
export interface ClientOptions {
  readonly port: number
  readonly kind: 'read' | 'write'
  readonly window: number
  readonly seconds: number
}

/** What it came to, and what it cost the client: microseconds of its processor an operation. */
export interface ClientResult {
  readonly perSecond: number
  readonly cpu: number
}

const path = '/bench-client'

async function main(options: ClientOptions): Promise<void> {
  const { port, kind, window, seconds } = options
  await using client = openZooKeeper(`127.0.0.1:${port}`, { timeout: ms(30_000) })
  if ((await client.exists(path)) === undefined) await client.create(path, Buffer.alloc(100, 0x61))
  const data = Buffer.alloc(100, 0x62)
  const ask = kind === 'read' ? () => client.getData(path) : () => client.setData(path, data)
  const run = async (milliseconds: number): Promise<number> => {
    const deadline = performance.now() + milliseconds
    let count = 0
    await Promise.all(
      Array.from({ length: window }, async () => {
        while (performance.now() < deadline) {
          await ask()
          count += 1
        }
      }),
    )
    return count
  }
  await run(1000)
  const before = process.cpuUsage()
  const began = performance.now()
  const count = await run(seconds * 1000)
  const { user, system } = process.cpuUsage(before)
  const result: ClientResult = {
    perSecond: (count / (performance.now() - began)) * 1000,
    cpu: (user + system) / count,
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

await main(JSON.parse(process.argv[2] ?? '{}') as ClientOptions)
