// `alwayson backup`, `restore` and `verify`: long work on a database, with how far it is.

import type { DatabaseOrder } from '../agent/api.ts'
import type { Status } from '../agent/model.ts'
import { Fault } from '../foundation/fault.ts'
import { type Instant, instant, type Milliseconds } from '../foundation/time.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { type Judgement, settle } from './settle.ts'
import { workNote } from './view/databases.ts'

/** What a verb that waits may be told. */
export interface WorkOptions {
  readonly wait: boolean
  readonly within?: Milliseconds
}

async function work(
  ports: Ports,
  order: Extract<DatabaseOrder, { readonly verb: 'backup' | 'restore' | 'verify' }>,
  { wait, within }: WorkOptions,
): Promise<ExitCode> {
  const begun = await ports.agent.ask('/database', order, ports.interrupted)
  const { work: id = '', database } = begun
  if (wait) return settle(ports, (status) => judgeWork(status, database, id), within)
  ports.out.write(`${order.verb} of ${database} has begun: alwayson databases ${database}\n`)
  return exit.done
}

/** Makes a base backup now. */
export const backup = (ports: Ports, database: string, options: WorkOptions): Promise<ExitCode> =>
  work(ports, { verb: 'backup', database }, options)

/** Compares what the members have, and with `repair` mends what differs. */
export const verify = (
  ports: Ports,
  database: string,
  { repair = false, ...options }: WorkOptions & { readonly repair?: boolean },
): Promise<ExitCode> => work(ports, { verb: 'verify', database, repair }, options)

/** Brings a database back to what it was: in place, or as a new one. */
export async function restore(
  ports: Ports,
  database: string,
  {
    to,
    as,
    inPlace = false,
    ...options
  }: WorkOptions & { readonly to: string; readonly as?: string; readonly inPlace?: boolean },
): Promise<ExitCode> {
  if ((as === undefined) !== inPlace) {
    throw new Fault('bad-usage', `where to restore ${database} is not said, or said twice`, {
      remedy: 'write `--as NEW`, or `--in-place`, which sets aside all that it has now',
    })
  }
  return work(ports, { verb: 'restore', database, to: timeOf(to, ports.zone), as }, options)
}

/**
 * The time a restore goes to; `undefined` for `latest`: all there is. Without a zone it is that of
 * this machine.
 */
export function timeOf(text: string, zone: string): Instant | undefined {
  if (text === 'latest') return undefined
  const compact = text.trim().replace(/^(\d{4}-\d\d-\d\d) /, '$1T')
  try {
    return instant(
      /Z$|[+-]\d\d:?\d\d$/i.test(compact)
        ? Temporal.Instant.from(compact).epochMilliseconds
        : Temporal.PlainDateTime.from(compact).toZonedDateTime(zone).epochMilliseconds,
    )
  } catch (cause) {
    throw new Fault('bad-usage', `\`${text}\` is no point in time`, {
      cause,
      remedy: 'write `latest`, `2026-08-05T04:18:00`, or `2026-08-05T02:18:00Z`',
    })
  }
}

/** How far a piece of work is. */
export function judgeWork(status: Status, database: string, id: string): Judgement {
  const seen = status.databases?.find(({ name }) => name === database)
  const one = seen?.work.find((each) => each.id === id)
  const remedy = `alwayson events says what happened; alwayson why ${database}`
  if (one === undefined) {
    return { kind: 'failed', line: `nothing is known of it any more: ${database}`, remedy }
  }
  if (one.ended === undefined) return { kind: 'waiting', line: workNote(one, status.now).text }
  const { well, line, remedy: help = remedy } = one.ended
  return well ? { kind: 'done', line } : { kind: 'failed', line, remedy: help }
}
