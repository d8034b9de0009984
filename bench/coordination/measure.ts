// Runs a load or a crowd against a server, and reads what it cost the server.

import { execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { cpuMicros, treeOf } from '../lib/processes.ts'
import type { ClientOptions, ClientResult } from './client.ts'
import type { CrowdOptions, Part } from './crowd.ts'
import type { LoadOptions, LoadResult } from './load.ts'
import type { Running } from './servers.ts'

/** A load and its price. */
export interface Measured extends LoadResult {
  readonly perSecond: number
  /** Microseconds of the server's processors an operation. */
  readonly cpu: number
}

/** A part of a crowd and its price. */
export interface MeasuredPart extends Part {
  readonly cpu: number
  /** What the server held after it, in MiB. */
  readonly memory: number
}

/** The memory of a server, in MiB. */
export const memoryOf = ({ child }: Running): number => {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}

interface Driver extends AsyncDisposable {
  /** Its next line. */
  next(): Promise<string>
  go(): void
}

function drive(script: string, options: object): Driver {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, script), JSON.stringify(options)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    async next() {
      const line = await lines.next()
      if (line.done === true) throw new Error(`${script} ended`)
      return line.value
    },
    go: () => void child.stdin.write('go\n'),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** Loads a server for a while. */
export async function load(server: Running, options: LoadOptions): Promise<Measured> {
  await using driver = drive('load.ts', options)
  await driver.next()
  const pids = treeOf(server.child.pid)
  const before = cpuMicros(pids)
  driver.go()
  const result = JSON.parse(await driver.next()) as LoadResult
  const cost = cpuMicros(pids) - before
  if (result.errors > 0) throw new Error(`${server.name} answered ${result.errors} errors`)
  return {
    ...result,
    perSecond: result.operations / result.seconds,
    cpu: cost / result.operations,
  }
}

/** Sends a crowd to a server; the price of each of its parts. */
export async function crowd(
  server: Running,
  options: Omit<CrowdOptions, 'port'>,
): Promise<readonly MeasuredPart[]> {
  await using driver = drive('crowd.ts', { ...options, port: server.port })
  const parts: MeasuredPart[] = []
  for (let index = 0; index < 2; index += 1) {
    await driver.next()
    const pids = treeOf(server.child.pid)
    const before = cpuMicros(pids)
    driver.go()
    const done = JSON.parse(await driver.next()) as Part
    const cpu = (cpuMicros(pids) - before) / done.count
    parts.push({ ...done, cpu, memory: memoryOf(server) })
  }
  return parts
}

/** What our own client costs, with many requests of one session under way. */
export async function clientCost(options: ClientOptions): Promise<ClientResult> {
  const script = join(import.meta.dirname, 'client.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(options)])
  return JSON.parse(stdout) as ClientResult
}
