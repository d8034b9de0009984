// `alwayson up --detach`: another process becomes the agent; this one waits until everything is up.

import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import type { ServiceStatus, Status } from '../agent/model.ts'
import { makeStateFolder, type StatePaths, statePaths } from '../agent/paths.ts'
import { agentNodeFlags } from '../control/processes.ts'
import { Fault, systemCode } from '../foundation/fault.ts'
import type { Milliseconds } from '../foundation/time.ts'
import { rightSpec } from './check.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Whereabouts } from './locate.ts'
import type { Ports } from './ports.ts'
import { readFile } from './reading.ts'
import { faultOf, type Report } from './report.ts'
import { type Judgement, settle } from './settle.ts'
import { readyLine } from './view/ready.ts'
import { summary } from './view/status.ts'

/** Starts the agent of the file that is meant in the background, and waits until all is up. */
export async function upDetached(
  ports: Ports,
  where: Whereabouts,
  { within, machine }: { readonly within: Milliseconds; readonly machine?: string | undefined },
): Promise<ExitCode> {
  const file = await readFile(where)
  if (rightSpec(ports, file) === undefined) return exit.bad
  const paths = statePaths(file.path, where.state)
  const which = machine === undefined ? [] : ['--machine', machine]
  const argv = ['up', file.path, '--state', paths.spelled, ...which, '--report']
  await startDetached(ownCommand(argv), paths)
  return settle(ports, judgeUp, within)
}

/** This very program as an agent is run, with other arguments. */
export const ownCommand = (argv: readonly string[]): readonly string[] => [
  process.execPath,
  ...process.execArgv,
  ...agentNodeFlags,
  process.argv[1] ?? '',
  ...argv,
]

/**
 * Starts `command` as a session of its own, which no Ctrl-C and no hang-up of this terminal
 * reaches. Resolves to its pid once it says that it is the agent; throws the Fault that it reports
 * instead.
 */
async function startDetached(command: readonly string[], paths: StatePaths): Promise<number> {
  makeStateFolder(paths)
  const log = openLog(paths.agentLog)
  const [program = '', ...rest] = command
  const child = spawn(program, rest, { detached: true, stdio: ['ignore', log, log, 'ipc'] })
  closeSync(log)
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  try {
    const report = await new Promise<Report>((resolve, reject) => {
      child.once('message', (message) => resolve(message as Report))
      child.once('error', (cause) =>
        reject(new Fault('failed', `cannot start ${program}`, { cause })),
      )
      child.once('exit', (code, signal) => reject(endedEarly(paths, code, signal)))
    })
    if (report.kind === 'ready') return report.pid
    // What it opened is given back before anybody tries again.
    await gone
    throw faultOf(report)
  } finally {
    if (child.connected) child.disconnect()
    child.unref()
  }
}

/** How far a start is. What an operator has drained is not waited for: that may take for ever. */
export function judgeUp(status: Status): Judgement {
  const { tone, text } = summary({ ...status, services: status.services.map(withoutDrained) })
  if (tone === 'good')
    return { kind: 'done', line: [readyLine(status), ...drainedIn(status)].join('; ') }
  const reasons = status.services
    .flatMap(({ servers }) => servers)
    .filter(({ reason }) => reason !== '')
    .map(({ id, reason }) => `${id}: ${reason}`)
  const members = (status.databases ?? [])
    .flatMap((database) => database.members)
    .filter(({ reason }) => reason !== '')
    .map(({ name, reason }) => `${name}: ${reason}`)
  return { kind: 'waiting', line: [text, ...reasons, ...members].join('; ') }
}

const withoutDrained = (service: ServiceStatus): ServiceStatus => ({
  ...service,
  wanted: service.wanted - service.servers.filter(({ drained }) => drained).length,
})

function drainedIn({ services }: Status): readonly string[] {
  const drained = services.flatMap(({ servers }) => servers).filter((server) => server.drained)
  return drained.length === 0 ? [] : [`still drained: ${drained.map(({ id }) => id).join(', ')}`]
}

const logBytesMost = 1_000_000

function openLog(path: string): number {
  try {
    if (statSync(path).size > logBytesMost) renameSync(path, `${path}.1`)
  } catch (thrown) {
    if (systemCode(thrown) !== 'ENOENT') throw thrown
  }
  return openSync(path, 'a', 0o600)
}

function endedEarly(paths: StatePaths, code: number | null, signal: string | null): Fault {
  const last = readFileSync(paths.agentLog, 'utf8').trimEnd().split('\n').slice(-10).join('\n')
  const how = signal ?? `exit code ${code}`
  return new Fault('failed', `the agent ended with ${how} before it was up:\n${last}`, {
    remedy: `all that it said is in ${paths.agentLog}`,
  })
}
