// The agent runs in this process: what it decides is told, and Ctrl-C ends it in order.

import type { OpenJournal } from '../agent/journal.ts'
import type { Ending, Status } from '../agent/model.ts'
import type { JournalEntry } from '../control/journal.ts'
import { type Instant, ms, sleep } from '../foundation/time.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { eventLine } from './view/events.ts'
import { readyLine } from './view/ready.ts'
import { summary } from './view/status.ts'
import { paintOf } from './view/style.ts'

/** What is needed of an agent that runs in this process. */
export interface OwnAgent {
  readonly journal: Pick<OpenJournal, 'follow' | 'recent'>
  status(): Status
  /** Ends everything in order. */
  down(leave: boolean): Promise<void>
  /** Ends at once what `down` still waits for. */
  hurry(): void
  /** How it came to its end, once it has. */
  readonly ended: Promise<Ending>
}

const lookEvery = ms(100)

/** Tells what the agent has decided since `begun`, and decides until it has ended. */
export async function foreground(
  ports: Ports,
  agent: OwnAgent,
  begun: Instant,
  folder: string,
): Promise<ExitCode> {
  const { name, file } = agent.status()
  ports.out.write(`${name}: keeping up what ${file} says; Ctrl-C ends it in order\n`)
  const style = { zone: ports.zone, date: false, paint: paintOf(ports.out) }
  const tell = (entry: JournalEntry): void => ports.out.write(`${eventLine(entry, style)}\n`)
  agent.journal
    .recent()
    .filter(({ at }) => at >= begun)
    .forEach(tell)
  using _log = agent.journal.follow(tell)
  endOnSignals(ports, agent, (line) => ports.err.write(`\n${line}\n`))
  const over = new AbortController()
  void agent.ended.then(() => over.abort(new Error('the agent has ended')))
  const printing = print(ports, agent, folder, over.signal)
  await announce(ports, agent, AbortSignal.any([over.signal, ports.interrupted]))
  const ending = await agent.ended
  await printing
  return codeOf(ending)
}

/** Whoever keeps the agent running is told apart whether it is to be started again. */
const codeOf = (ending: Ending): ExitCode => (ending === 'down' ? exit.toldToEnd : exit.done)

/** Shows the access logs that go to `stdout`, until `over`. */
async function print(
  ports: Ports,
  agent: OwnAgent,
  folder: string,
  over: AbortSignal,
): Promise<void> {
  const { readLogs } = await import('../services/logs.ts')
  const { accessLogId } = await import('../spec/settle-observe.ts')
  const shown = (): readonly string[] =>
    agent
      .status()
      .frontends.filter(({ accessLog }) => accessLog === 'stdout')
      .map(({ name }) => accessLogId(name))
  const query = { lines: 0, follow: true, clock: ports.clock }
  for await (const { line } of readLogs(folder, shown, query, over)) ports.out.write(`${line}\n`)
}

/** The same where nobody looks on: the journal tells what happened. */
export async function background(ports: Ports, agent: OwnAgent): Promise<ExitCode> {
  endOnSignals(ports, agent, () => {})
  return codeOf(await agent.ended)
}

/** The first Ctrl-C ends everything in order; the second does not wait for what is in flight. */
function endOnSignals(ports: Ports, agent: OwnAgent, say: (line: string) => void): void {
  whenAborted(ports.interrupted, () => {
    say('stopping in order; Ctrl-C again stops at once')
    void agent.down(false)
  })
  whenAborted(ports.hurried, () => {
    say('stopping at once')
    agent.hurry()
  })
}

function whenAborted(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act()
  else signal.addEventListener('abort', act, { once: true })
}

/** Says once, when everything is up, where it is to be found. */
async function announce(ports: Ports, agent: OwnAgent, over: AbortSignal): Promise<void> {
  const paint = paintOf(ports.out)
  try {
    for (;;) {
      const status = agent.status()
      if (summary(status).tone === 'good') {
        ports.out.write(`${paint('good', readyLine(status))}\n`)
        return
      }
      await sleep(ports.clock, lookEvery, over)
    }
  } catch (thrown) {
    if (!over.aborted) throw thrown
  }
}
