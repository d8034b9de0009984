// `alwayson events`: what happened, and because of which rule.

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

/** Writes the last entries of the journal; with `follow` those to come, until somebody ends it. */
export async function events(ports: Ports, options: EventsOptions): Promise<ExitCode> {
  const { out } = ports
  const { last, follow = false } = options
  const style = { zone: ports.zone, date: true, paint: paintOf(out) }
  const over = AbortSignal.any([ports.interrupted, out.closed])
  try {
    for await (const entry of ports.agent.events({ last, follow }, over)) {
      out.write(options.json ? `${JSON.stringify(entry)}\n` : `${eventLine(entry, style)}\n`)
    }
  } catch (thrown) {
    if (!over.aborted) throw thrown
  }
  return exit.done
}
