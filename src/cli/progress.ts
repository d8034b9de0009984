// How far is it? One line that is redrawn on a terminal; elsewhere a line whenever it changes.

import type { Screen } from './ports.ts'

/** The line of one piece of work. Disposed, it leaves the screen as if it had not been there. */
export interface Progress extends Disposable {
  /** Says how far it is now. */
  show(line: string): void
  /** Says something that stays, above the line. */
  note(line: string): void
}

/** Opens the progress line of `screen`. */
export function openProgress(screen: Screen): Progress {
  let shown = ''
  const clear = (): void => {
    if (shown !== '' && screen.isTerminal) screen.write('\r\x1b[K')
  }
  const draw = (line: string): void => {
    const room = Math.max(1, screen.columns - 1)
    screen.write(`\r${line.length > room ? `${line.slice(0, room - 1)}…` : line}\x1b[K`)
  }
  return {
    show(line) {
      if (line === shown) return
      shown = line
      if (screen.isTerminal) draw(line)
      else screen.write(`${line}\n`)
    },
    note(line) {
      clear()
      screen.write(`${line}\n`)
      if (shown !== '' && screen.isTerminal) draw(shown)
    },
    [Symbol.dispose]() {
      clear()
      shown = ''
    },
  }
}
