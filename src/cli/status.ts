// `alwayson status`: how everything is, once or again and again.

import type { Status } from '../agent/model.ts'
import { Fault } from '../foundation/fault.ts'
import { type Milliseconds, ms, sleep } from '../foundation/time.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports, Screen } from './ports.ts'
import { ratesBetween } from './view/rates.ts'
import { statusLines } from './view/status.ts'
import { paintOf } from './view/style.ts'
import { age } from './view/words.ts'

/** What `status` may be told. */
export interface StatusOptions {
  readonly watch?: boolean
  readonly json?: boolean
  /** Between two looks of `watch`. */
  readonly every: Milliseconds
}

/** Shows the status; with `watch` until somebody ends it, also while no agent answers. */
export async function status(ports: Ports, options: StatusOptions): Promise<ExitCode> {
  if (!options.watch) {
    ports.out.write(show(ports, options, await ports.agent.ask('/status', {}, ports.interrupted)))
    return exit.done
  }
  const over = AbortSignal.any([ports.interrupted, ports.out.closed])
  using page = openPage(ports.out)
  let seen = ports.clock.now()
  let before: Status | undefined
  try {
    for (;;) {
      try {
        const status = await ports.agent.ask('/status', {}, over)
        page.show(show(ports, options, status, before))
        seen = ports.clock.now()
        before = status
      } catch (thrown) {
        if (!(thrown instanceof Fault) || thrown.code !== 'not-running') throw thrown
        if (options.json) throw thrown
        const silent = age(ms(ports.clock.now() - seen))
        page.add(`${thrown.message} since ${silent}: what runs goes on, and is not watched\n`)
      }
      await sleep(ports.clock, options.every, over)
    }
  } catch (thrown) {
    if (!over.aborted) throw thrown
  }
  return exit.done
}

function show(ports: Ports, options: StatusOptions, status: Status, before?: Status): string {
  if (options.json) return `${JSON.stringify(status, undefined, options.watch ? undefined : 2)}\n`
  const width = Math.min(ports.out.columns, 160)
  const rates = before && ratesBetween(before, status)
  return `${statusLines(status, width, paintOf(ports.out), rates).join('\n')}\n`
}

/** A page that is shown in place of the one before. */
interface Page extends Disposable {
  show(text: string): void
  /** Shows a line below the last page. */
  add(line: string): void
}

const enter = '\x1b[?1049h\x1b[?25l'
const leave = '\x1b[?25h\x1b[?1049l'

/**
 * On a terminal the alternate screen, redrawn line by line over what stands there, so that nothing
 * flickers; the last page stays behind. Elsewhere pages follow each other.
 */
function openPage(screen: Screen): Page {
  let last = ''
  if (!screen.isTerminal) {
    return {
      show: (text) => screen.write(text),
      add: (line) => screen.write(line),
      [Symbol.dispose]() {},
    }
  }
  screen.write(enter)
  const draw = (text: string): void => {
    const lines = text.trimEnd().split('\n')
    const room = Math.max(1, screen.rows - 1)
    const shown = lines.length > room ? [...lines.slice(0, room - 1), '…'] : lines
    screen.write(`\x1b[H${shown.map((line) => `${line}\x1b[K`).join('\n')}\x1b[J`)
  }
  return {
    show(text) {
      last = text
      draw(text)
    },
    add: (line) => draw(line + last),
    [Symbol.dispose]() {
      screen.write(leave + last)
    },
  }
}
