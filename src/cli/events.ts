// `alwayson events`: what happened, and because of which rule.

import type { EventLine } from '../agent/api.ts'
import { Fault } from '../foundation/fault.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { eventLine } from './view/events.ts'
import { paintOf } from './view/style.ts'

/** What `events` may be told. */
export interface EventsOptions {
  readonly follow?: boolean
  readonly last: number
  readonly json?: boolean
}

/**
 * Writes the last entries of the journal; with `follow` those to come, until somebody ends it.
 * Where no agent runs, `kept` has what the last one wrote.
 */
export async function events(
  ports: Ports,
  options: EventsOptions,
  kept: () => readonly EventLine[],
): Promise<ExitCode> {
  const { out, err } = ports
  const { last, follow = false } = options
  const style = { zone: ports.zone, date: true, paint: paintOf(out) }
  const over = AbortSignal.any([ports.interrupted, out.closed])
  const show = (entry: EventLine): void =>
    out.write(options.json ? `${JSON.stringify(entry)}\n` : `${eventLine(entry, style)}\n`)
  try {
    for await (const entry of ports.agent.events({ last, follow }, over)) show(entry)
  } catch (thrown) {
    if (over.aborted) return exit.done
    const entries = isAbsence(thrown) && !follow ? kept() : []
    if (entries.length === 0) throw thrown
    for (const entry of last === 0 ? [] : entries.slice(-last)) show(entry)
    err.write('no agent runs: this is what the last one wrote\n')
    return exit.done
  }
  if (!follow || over.aborted) return exit.done
  err.write('the agent has ended\n')
  return exit.noAgent
}

const isAbsence = (thrown: unknown): boolean =>
  thrown instanceof Fault && thrown.code === 'not-running'
