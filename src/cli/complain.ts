// How is a failure told to a person? What failed, because of what, and what to do about it.

import { describeError, Fault } from '../foundation/fault.ts'
import type { Screen } from './ports.ts'
import { paintOf } from './view/style.ts'

/**
 * Writes a failure. A Fault is the world's, or the reader's: it is said in words. Anything else is
 * a mistake of ours: it is shown with its stack, so that it can be reported.
 */
export function complain(screen: Screen, thrown: unknown): void {
  const paint = paintOf(screen)
  const lead = paint('bad', 'alwayson:')
  if (!(thrown instanceof Fault)) {
    const shown = Error.isError(thrown) ? ((thrown as Error).stack ?? String(thrown)) : thrown
    screen.write(`${lead} this is a mistake in Always On itself: please report these lines\n`)
    screen.write(`${String(shown)}\n`)
    return
  }
  screen.write(`${lead} ${indented(thrown.message)}\n`)
  if (thrown.cause !== undefined) {
    screen.write(`  because ${indented(describeError(thrown.cause))}\n`)
  }
  const remedy = thrown.remedy ?? causeRemedy(thrown.cause)
  if (remedy !== undefined) screen.write(`  ${paint('strong', 'remedy:')} ${indented(remedy)}\n`)
}

/** The remedy of the innermost cause that has one: the nearer to the trouble, the more it helps. */
function causeRemedy(cause: unknown): string | undefined {
  if (!Error.isError(cause)) return undefined
  const deeper = causeRemedy((cause as Error).cause)
  return deeper ?? (cause instanceof Fault ? cause.remedy : undefined)
}

const indented = (text: string): string => text.replaceAll('\n', '\n  ')
