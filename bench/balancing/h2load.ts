// HTTP/2 over TLS, made by h2load: 16 connections, each with 8 requests under way.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cpuMicros } from '../lib/processes.ts'
import { quantile } from '../lib/report.ts'
import type { OpenProxy, Run } from './load.ts'

const run = promisify(execFile)

/** One thread for `seconds`; the cost is the balancer's processor time a request. */
export async function h2load(proxy: OpenProxy, seconds: number): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-h2load-'))
  try {
    const log = join(folder, 'log')
    const url = `https://127.0.0.1:${proxy.port}/`
    const args = ['-t1', '-c16', '-m8', '-D', String(seconds), `--log-file=${log}`, url]
    const before = cpuMicros(proxy.pids)
    const { stdout } = await run('h2load', args)
    const cpu = cpuMicros(proxy.pids) - before
    if (!stdout.includes('Application protocol: h2')) throw new Error('it does not speak HTTP/2')
    const requests = Number(/(\d+) succeeded/.exec(stdout)?.[1])
    const bad = /(\d+) failed, (\d+) errored/.exec(stdout)?.slice(1).map(Number) ?? [Number.NaN]
    // A line: when it was sent (µs since 1970), the status, and how long it took (µs).
    const times = readFileSync(log, 'utf8')
      .split('\n')
      .map((line) => Number(line.split('\t')[2]) / 1000)
      .filter((time) => time > 0)
      .toSorted((a, b) => a - b)
    return {
      cost: cpu / requests,
      perSecond: requests / seconds,
      p50: quantile(times, 0.5),
      p99: quantile(times, 0.99),
      errors: bad.reduce((sum, each) => sum + each, 0),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
