// One run of wrk against a balancer, and what it cost.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cpuMicros } from '../lib/processes.ts'
import type { OpenProxy } from './proxies.ts'

const run = promisify(execFile)

/** What one run showed. */
export interface Run {
  readonly requestsPerSecond: number
  /** Processor time of the balancer, in microseconds. */
  readonly cpuPerRequest: number
  readonly p50: number
  readonly p99: number
  /** Answers other than 2xx and 3xx, and connections that failed. */
  readonly errors: number
}

const unit: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 }

/** wrk's `1.20ms` in milliseconds. */
function latency(output: string, percentile: number): number {
  const match = new RegExp(`^\\s+${percentile}%\\s+([\\d.]+)(us|ms|s)$`, 'm').exec(output)
  return Number(match?.[1]) * (unit[match?.[2] ?? ''] ?? Number.NaN)
}

const count = (output: string, pattern: RegExp): number =>
  [...(pattern.exec(output)?.slice(1) ?? [])].reduce((sum, each) => sum + Number(each), 0)

/** One thread, `connections` kept-alive connections, for `seconds`. */
export async function measure(
  proxy: OpenProxy,
  path: string,
  connections: number,
  seconds: number,
): Promise<Run> {
  const url = `http://127.0.0.1:${proxy.port}${path}`
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', url]
  const before = cpuMicros(proxy.pids)
  const { stdout } = await run('wrk', args)
  const cpu = cpuMicros(proxy.pids) - before
  const requests = count(stdout, /(\d+) requests in/)
  const sockets = /connect (\d+), read (\d+), write (\d+), timeout (\d+)/
  return {
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    cpuPerRequest: cpu / requests,
    p50: latency(stdout, 50),
    p99: latency(stdout, 99),
    errors: count(stdout, /Non-2xx or 3xx responses: (\d+)/) + count(stdout, sockets),
  }
}
