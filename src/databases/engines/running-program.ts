// Which program does a running server run? As Linux shows it (proc(5)).

import { readFileSync } from 'node:fs'
import type { ServerHost } from '../host.ts'

/** The path that it was started by; `undefined` where that cannot be read, or none runs. */
export function runningProgram(host: ServerHost): string | undefined {
  const process = host.observe()
  if (process.kind !== 'running') return undefined
  try {
    const [program = ''] = readFileSync(`/proc/${process.pid}/cmdline`, 'utf8').split('\0')
    return program.startsWith('/') ? program : undefined
  } catch {
    // It has just ended, or is another user's: nothing is known.
    return undefined
  }
}

/** Why a server should be started anew that runs another program than it would be started by. */
export function otherProgram(host: ServerHost, wanted: string): string | undefined {
  const program = runningProgram(host)
  if (program === undefined || program === wanted) return undefined
  return `it runs ${program}, and would be started by ${wanted}`
}
