// Loads that wrk makes: requests over kept-alive or new connections, from one thread.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cpuMicros } from '../lib/processes.ts'
import type { OpenProxy, Run } from './load.ts'

const run = promisify(execFile)

/** What wrk is to do. */
export interface WrkWork {
  readonly scheme?: 'http' | 'https'
  readonly path?: string
  readonly connections?: number
  readonly headers?: readonly string[]
  /** A file with a Lua script. */
  readonly script?: string
}

const unit: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 }

/** wrk's `1.20ms` in milliseconds. */
function latency(output: string, percentile: number): number {
  const match = new RegExp(`^\\s+${percentile}%\\s+([\\d.]+)(us|ms|s)$`, 'm').exec(output)
  return Number(match?.[1]) * (unit[match?.[2] ?? ''] ?? Number.NaN)
}

const count = (output: string, pattern: RegExp): number =>
  [...(pattern.exec(output)?.slice(1) ?? [])].reduce((sum, each) => sum + Number(each), 0)

/** One thread for `seconds`; the cost is the balancer's processor time a request. */
export async function wrk(proxy: OpenProxy, seconds: number, work: WrkWork): Promise<Run> {
  const url = `${work.scheme ?? 'http'}://127.0.0.1:${proxy.port}${work.path ?? '/'}`
  const args = ['-t1', `-c${work.connections ?? 64}`, `-d${seconds}s`, '--latency']
  for (const header of work.headers ?? []) args.push('-H', header)
  if (work.script !== undefined) args.push('-s', work.script)
  const before = cpuMicros(proxy.pids)
  const { stdout } = await run('wrk', [...args, url])
  const cpu = cpuMicros(proxy.pids) - before
  const requests = count(stdout, /(\d+) requests in/)
  const sockets = /connect (\d+), read (\d+), write (\d+), timeout (\d+)/
  return {
    cost: cpu / requests,
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    p50: latency(stdout, 50),
    p99: latency(stdout, 99),
    errors: count(stdout, /Non-2xx or 3xx responses: (\d+)/) + count(stdout, sockets),
  }
}
