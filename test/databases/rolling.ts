// A bed whose servers are started anew one after another, with clients that write through one
// address and read through another: how that is asked for, waited for, and met by whoever reads.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Bed } from '../../bench/failover/bed.ts'
import { judge } from '../../bench/failover/judge.ts'
import { type Session, sessionOf, type Target } from '../../bench/failover/session.ts'
import { restingPorts } from '../../bench/lib/ports.ts'
import { ask } from '../../src/agent/client.ts'
import type { ApplyReport } from '../../src/agent/model.ts'
import type { DatabaseOverview } from '../../src/databases/overview.ts'
import { isAcknowledgedKept } from '../../src/drills/checkers/acknowledged.ts'
import { describeAcknowledged } from '../../src/drills/checkers/describe.ts'
import { until } from '../engines/waiting.ts'

export const members = ['orders-1', 'orders-2', 'orders-3']
/** The machine may be very busy. */
export const patience = 180_000

export const socketOf = (bed: Bed): string => bed.places[0]?.socket ?? ''

/** Applies the file of a bed with other words in it. */
export async function apply(bed: Bed, change: (text: string) => string): Promise<ApplyReport> {
  const socket = socketOf(bed)
  const path = join(dirname(dirname(socket)), 'alwayson.yaml')
  const text = change(readFileSync(path, 'utf8'))
  const report = await ask(socket, '/apply', { path, text, env: {}, dryRun: false })
  writeFileSync(path, text)
  return report
}

/** Which processes are the servers now. */
export const servers = (bed: Bed): ReadonlyMap<string, number | undefined> =>
  new Map(members.map((name) => [name, bed.record(name).server?.pid]))

export const differ = (
  before: ReadonlyMap<string, number | undefined>,
  bed: Bed,
): readonly string[] => members.filter((name) => before.get(name) !== bed.record(name).server?.pid)

/** Resolves when nothing is left to be restarted, and all is well; how it went meanwhile. */
export async function restarted(
  bed: Bed,
  isDone: () => boolean = () => true,
): Promise<readonly DatabaseOverview[]> {
  const seen: DatabaseOverview[] = []
  await until(
    'all are restarted',
    async () => {
      const now = await bed.look()
      if (now !== undefined) seen.push(now)
      return (
        isDone() &&
        now?.rule === 'steady' &&
        now.request === undefined &&
        now.members.every(({ restart, standing }) => restart === undefined && standing === 'good')
      )
    },
    patience,
  ).catch((thrown: unknown) => {
    throw new Error(`${String(thrown)}: ${JSON.stringify(seen.at(-1))}`)
  })
  await bed.well()
  return seen
}

/** Reads again and again on one session, as an application does; its errors. */
export class Reader implements AsyncDisposable {
  readonly errors: string[] = []
  reads = 0
  #isOver = false
  readonly #running: Promise<void>

  constructor(target: Target) {
    this.#running = this.#run(target)
  }

  async #run(target: Target): Promise<void> {
    let session: Session | undefined
    while (!this.#isOver) {
      try {
        session ??= await sessionOf(target)
        await session.run('SELECT 1 AS one')
        this.reads += 1
      } catch (thrown) {
        this.errors.push(String(thrown))
        await session?.end()
        session = undefined
      }
      await pause(10)
    }
    await session?.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    await this.#running
  }
}

/** Gives the bed an address to read at; where that is. */
export async function openReadDoor(bed: Bed): Promise<Target> {
  const [read] = await restingPorts(1)
  await apply(bed, (text) => text.replace(/bind: (\S+)/, `bind: { write: "$1", read: ":${read}" }`))
  await bed.well()
  const { url } = await ask(socketOf(bed), '/database-url', { database: 'orders', door: 'read' })
  const { username, password, port, pathname } = new URL(url)
  return {
    ...{ engine: bed.options.engine, host: '127.0.0.1', port: Number(port) },
    ...{ user: username, password, database: pathname.slice(1) },
  }
}

/** That clients lost nothing, and none of their statements failed. */
export async function assertNothingFailed(bed: Bed, reader: Reader): Promise<void> {
  for (const place of bed.places) {
    const verdict = await judge(bed, place)
    assert.ok(verdict.acknowledged > 100)
    assert.ok(isAcknowledgedKept(verdict), describeAcknowledged(verdict))
    const failed = place.history().filter(({ outcome }) => outcome !== 'ok')
    assert.deepEqual(failed, [], 'no write failed')
  }
  assert.ok(reader.reads > 100)
  assert.deepEqual(reader.errors, [], 'no read failed')
}
