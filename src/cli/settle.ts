// Has what was asked for come about? Looks at the status until it has, or cannot any more.

import type { Status } from '../agent/model.ts'
import { Fault } from '../foundation/fault.ts'
import { formatDuration, type Milliseconds, ms, since, sleep } from '../foundation/time.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { openProgress } from './progress.ts'

/** What one look at the status means for what is waited for. */
export type Judgement =
  | { readonly kind: 'waiting'; readonly line: string }
  | { readonly kind: 'done'; readonly line: string }
  | { readonly kind: 'failed'; readonly line: string; readonly remedy: string | undefined }

const lookEvery = ms(200)

/**
 * Waits until `judge` says done, and says so. Throws a Fault when it says failed, and when `within`
 * is over. Ctrl-C ends the waiting alone: what was asked for goes on in the agent.
 */
export async function settle(
  ports: Ports,
  judge: (status: Status) => Judgement,
  within: Milliseconds | undefined,
): Promise<ExitCode> {
  using progress = openProgress(ports.err)
  const begun = ports.clock.now()
  try {
    for (;;) {
      const judged = judge(await ports.agent.ask('/status', {}, ports.interrupted))
      if (judged.kind === 'failed') {
        throw new Fault('failed', judged.line, { remedy: judged.remedy })
      }
      if (judged.kind === 'done') {
        progress[Symbol.dispose]()
        ports.out.write(`${judged.line}\n`)
        return exit.done
      }
      if (within !== undefined && since(begun, ports.clock.now()) >= within) {
        throw new Fault('timed-out', `not done within ${formatDuration(within)}: ${judged.line}`, {
          remedy:
            'it goes on: alwayson status shows how far it is, alwayson why NAME what it waits for',
        })
      }
      progress.show(judged.line)
      await sleep(ports.clock, lookEvery, ports.interrupted)
    }
  } catch (thrown) {
    if (!ports.interrupted.aborted) throw thrown
    progress.note('no longer waiting: it goes on, alwayson status shows how far it is')
    return exit.interrupted
  }
}
