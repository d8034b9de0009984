// Which process of this machine listens at a port, who started it, and how is it ended for good?
// Reads /proc (proc(5)); knows systemd, and processes that nobody looks after.

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { promisify } from 'node:util'
import { identify, isAlive, signalProcess, statOf } from '../../control/processes.ts'
import { describeError, Fault, systemCode } from '../../foundation/fault.ts'
import { type Clock, later, ms, sleep } from '../../foundation/time.ts'
import type { LocalServer } from './model.ts'

const run = promisify(execFile)

/** State of a socket in /proc/net/tcp that is listened on (tcp_states.h). */
const listening = '0A'

/** The inodes of sockets that listen at this port. */
export function listeners(table: string, port: number): readonly string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => state === listening && local.endsWith(`:${hex}`))
    .map(([, , , , , , , , , inode = '']) => inode)
}

/** The unit of systemd in a text of /proc/PID/cgroup; `undefined` for a user's own session. */
export function unitIn(cgroup: string): string | undefined {
  const path = cgroup.split('\n').map((line) => line.split(':').slice(2).join(':'))
  for (const each of path) {
    const unit = each.split('/').findLast((part) => part.endsWith('.service'))
    if (unit !== undefined && !/^(user@\d+|init)\.service$/.test(unit)) return unit
  }
  return undefined
}

const tolerated = ['ENOENT', 'ESRCH', 'EACCES', 'EPERM']

/** What `read` gives; `undefined` of a process that is gone, or another user's. */
function ifAllowed<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (thrown) {
    if (tolerated.includes(systemCode(thrown) ?? '')) return undefined
    throw thrown
  }
}

const pids = (): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)

function holds(pid: number, sockets: ReadonlySet<string>): boolean {
  const folder = `/proc/${pid}/fd`
  const names = ifAllowed(() => readdirSync(folder)) ?? []
  return names.some((name) => {
    const target = ifAllowed(() => readlinkSync(`${folder}/${name}`))
    return target !== undefined && sockets.has(target)
  })
}

/** The server that listens at a port of this machine; `undefined` if none does that we may see. */
export function localServerAt(port: number): LocalServer | undefined {
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].map((path) =>
    ifAllowed(() => readFileSync(path, 'utf8')),
  )
  const inodes = tables.flatMap((table) => (table === undefined ? [] : listeners(table, port)))
  const sockets = new Set(inodes.map((inode) => `socket:[${inode}]`))
  if (sockets.size === 0) return undefined
  const found = pids().filter((pid) => holds(pid, sockets))
  // A server's own processes may hold its socket as well: the first of them began them all.
  const first = found.find((pid) => !found.includes(statOf(pid)?.parent ?? 0))
  return first === undefined ? undefined : describeProcess(first)
}

function describeProcess(pid: number): LocalServer | undefined {
  const identity = identify(pid)
  const program = ifAllowed(() => readlinkSync(`/proc/${pid}/exe`))
  const folder = ifAllowed(() => readlinkSync(`/proc/${pid}/cwd`))
  const uid = ifAllowed(() => statSync(`/proc/${pid}`).uid)
  if (identity === undefined || program === undefined || folder === undefined) return undefined
  const unit = unitOf(String(pid))
  return {
    ...{ pid, startTicks: identity.startTicks, uid: uid ?? -1, folder },
    // A program that was exchanged under a running server is said so.
    program: program.replace(/ \(deleted\)$/, ''),
    // In a container everything may be of one unit outside: that one is nobody's own.
    unit: unit === unitOf('self') ? undefined : unit,
  }
}

const unitOf = (pid: string): string | undefined =>
  unitIn(ifAllowed(() => readFileSync(`/proc/${pid}/cgroup`, 'utf8')) ?? '')

/** The name of a user of this machine, by passwd(5). */
export function userOf(uid: number): string | undefined {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  return lines.map((line) => line.split(':')).find(([, , id]) => Number(id) === uid)?.[0]
}

/** Whether any process works in this folder: a server in that of its data. */
export const isUsed = (folder: string): boolean =>
  pids().some((pid) => ifAllowed(() => readlinkSync(`/proc/${pid}/cwd`)) === folder)

/** The services of this machine, as far as a take-over needs them. */
export interface Services {
  /** Stops a unit, and keeps it from being started at boot. */
  disable(unit: string, signal: AbortSignal): Promise<void>
}

/** systemd, by its own command (systemctl(1)). */
export const systemd: Services = {
  async disable(unit, signal) {
    for (const verb of ['stop', 'disable']) {
      try {
        await run('systemctl', [verb, unit], { signal })
      } catch (cause) {
        throw new Fault('failed', `systemctl ${verb} ${unit} was refused`, {
          remedy: `run it by hand, as root, and apply again`,
          cause: new Error(lastWords(cause)),
        })
      }
    }
  },
}

const lastWords = (thrown: unknown): string =>
  String((thrown as { stderr?: unknown }).stderr ?? describeError(thrown))
    .trim()
    .split('\n')
    .slice(-2)
    .join(' ')

/** A server is given so long to end in order. */
const endWithin = ms(120_000)

/**
 * Ends a server in order, whoever started it. Rejects with a Fault if it does not end: then it runs
 * on as it was. It is never killed: what it holds would have to be recovered.
 */
export async function endServer(
  server: LocalServer,
  signalName: NodeJS.Signals,
  { services, clock }: { readonly services: Services; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  const { pid, startTicks, unit } = server
  if (unit !== undefined) await services.disable(unit, signal)
  else if (!signalIfAllowed(server, signalName)) return
  const deadline = later(clock.now(), endWithin)
  while (isAlive({ pid, startTicks })) {
    if (clock.now() > deadline) {
      throw new Fault('timed-out', `process ${pid} (${server.program}) does not end`, {
        remedy: 'see what it waits for, and apply again',
      })
    }
    await sleep(clock, ms(10), signal)
  }
}

function signalIfAllowed(server: LocalServer, signal: NodeJS.Signals): boolean {
  try {
    return signalProcess(server, signal)
  } catch (cause) {
    throw new Fault('refused', `process ${server.pid} (${server.program}) is another user’s`, {
      remedy: 'run Always On as root, or as that user',
      cause,
    })
  }
}
