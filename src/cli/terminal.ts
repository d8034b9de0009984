// The machine behind the ports: the streams of this process, its signals, its clock.

import { openClock } from '../foundation/time.ts'
import { exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { openScreen } from './screens.ts'

/** The agent's private socket is found only when an agent is spoken to: `socket` may throw. */
export function openPorts(socket: () => string): Ports {
  return {
    out: openScreen(process.stdout),
    err: openScreen(process.stderr),
    clock: openClock(),
    zone: Temporal.Now.timeZoneId(),
    agent: {
      async ask(path, question, signal) {
        const { ask } = await import('../agent/client.ts')
        return ask(socket(), path, question, signal)
      },
      async *events(options, signal) {
        const { events } = await import('../agent/client.ts')
        yield* events(socket(), options, signal)
      },
    },
    ...heardSignals(),
  }
}

/** The first Ctrl-C or SIGTERM asks to stop, the second to hurry, the third is not for us. */
function heardSignals(): Pick<Ports, 'interrupted' | 'hurried'> {
  const interrupted = new AbortController()
  const hurried = new AbortController()
  const hear = (): void => {
    if (hurried.signal.aborted) process.exit(exit.interrupted)
    const next = interrupted.signal.aborted ? hurried : interrupted
    next.abort(new DOMException('interrupted', 'AbortError'))
  }
  process.on('SIGINT', hear)
  process.on('SIGTERM', hear)
  return { interrupted: interrupted.signal, hurried: hurried.signal }
}
