// The machine behind the ports: the streams of this process, its signals, its clock.

import type { AgentApi } from '../agent/api.ts'
import { Fault } from '../foundation/fault.ts'
import { formatDuration, type Milliseconds, ms, openClock } from '../foundation/time.ts'
import { exit } from './exit.ts'
import type { AgentDoor, Ports } from './ports.ts'
import { openScreen } from './screens.ts'

/** The agent's private socket is looked for when an agent is spoken to: `socket` may reject. */
export function openPorts(socket: () => Promise<string>): Ports {
  return {
    out: openScreen(process.stdout),
    err: openScreen(process.stderr),
    clock: openClock(),
    zone: Temporal.Now.timeZoneId(),
    agent: openDoor(socket),
    ...heardSignals(),
  }
}

/** Longer than a healthy agent ever takes: to apply a file it may have to start edges. */
const patience = (path: keyof AgentApi): Milliseconds => ms(path === '/apply' ? 60_000 : 10_000)

function openDoor(socket: () => Promise<string>): AgentDoor {
  return {
    async ask(path, question, signal = new AbortController().signal) {
      const { ask } = await import('../agent/client.ts')
      const late = AbortSignal.timeout(patience(path))
      try {
        return await ask(await socket(), path, question, AbortSignal.any([signal, late]))
      } catch (cause) {
        if (!late.aborted || signal.aborted) throw cause
        throw new Fault(
          'timed-out',
          `the agent did not answer within ${formatDuration(patience(path))}`,
          { remedy: 'is its process stopped or starved? What it keeps up goes on without it' },
        )
      }
    },
    async *events(options, signal) {
      const { events } = await import('../agent/client.ts')
      yield* events(await socket(), options, signal)
    },
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
