#!/usr/bin/env node
// The entry point of a coordinator as a process: options as JSON in the first argument, lines about
// what happens on standard output, faults on standard error. SIGTERM and SIGINT end it well.

import { describeError, Fault } from '../../foundation/fault.ts'
import { type CoordinatorOptions, keepSmall, runCoordinator } from './coordinator.ts'

const stopping = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stopping.abort())

keepSmall()
try {
  const options = JSON.parse(process.argv[2] ?? '{}') as Omit<CoordinatorOptions, 'say'>
  const say = (line: string): void => void process.stdout.write(`${line}\n`)
  await runCoordinator({ ...options, say }, stopping.signal)
} catch (thrown) {
  process.stderr.write(`${describeError(thrown)}\n`)
  if (thrown instanceof Fault && thrown.remedy !== undefined) {
    process.stderr.write(`${thrown.remedy}\n`)
  }
  process.exitCode = 1
}
