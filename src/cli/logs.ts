// `alwayson logs`: what the replicas said, also while no agent runs.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../foundation/fault.ts'
import { logsFolder } from '../services/guard/record.ts'
import { type LogLine, readLogs, replicasWithLogs } from '../services/logs.ts'
import { accessLogId } from '../spec/settle-observe.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { paintOf } from './view/style.ts'

/** What `logs` may be told. */
export interface LogsOptions {
  readonly follow?: boolean
  /** The last so many of each replica. */
  readonly lines: number
}

/** Writes what a replica, or each of a service, has logged; with `follow` what comes, too. */
export async function logs(
  ports: Ports,
  folder: string,
  subject: string,
  { follow = false, lines }: LogsOptions,
): Promise<ExitCode> {
  const broken = new AbortController()
  const over = AbortSignal.any([ports.interrupted, ports.out.closed, broken.signal])
  let ids = await replicasOf(folder, subject)
  if (ids.length === 0) {
    throw new Fault(
      'not-found',
      `no replica or frontend of the name ${subject} has logged anything`,
      {
        remedy: 'name a replica or a service that Always On runs, or a frontend with an access_log',
      },
    )
  }
  /** The replicas at the last look; those of a deploy under way are there at the next. */
  const current = (): readonly string[] => {
    replicasOf(folder, subject).then(
      (found) => {
        ids = found
      },
      (thrown: unknown) => broken.abort(thrown),
    )
    return ids
  }
  const show =
    isReplica(ids, subject) || ids[0] === accessLogId(subject)
      ? ({ line }: LogLine) => line
      : labelled(ports)
  for await (const line of readLogs(folder, current, { lines, follow, clock: ports.clock }, over)) {
    ports.out.write(`${show(line)}\n`)
  }
  if (broken.signal.aborted) throw broken.signal.reason
  return exit.done
}

/** The replica of this name, or all of the service of this name, or the frontend's access log. */
async function replicasOf(folder: string, subject: string): Promise<readonly string[]> {
  const service = /^(.+)-\d+(?:\.[^.]+)?$/.exec(subject)?.[1]
  const siblings = service === undefined ? [] : await replicasWithLogs(folder, service)
  if (siblings.includes(subject)) return [subject]
  const replicas = await replicasWithLogs(folder, subject)
  if (replicas.length > 0) return replicas
  const access = accessLogId(subject)
  return existsSync(join(logsFolder(folder), `${access}.log`)) ? [access] : []
}

const isReplica = (ids: readonly string[], subject: string): boolean =>
  ids.length === 1 && ids[0] === subject

/** Says of each line whose it is. */
const labelled = ({ out }: Ports): ((line: LogLine) => string) => {
  const paint = paintOf(out)
  return ({ replica, line }) => `${paint('strong', replica)} ${paint('faint', '|')} ${line}`
}
