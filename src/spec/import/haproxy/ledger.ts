// What became of each line of the configuration? Nothing is lost without a word.

import type { Carried, Line, Loss, NotCarried } from './model.ts'

/** Takes down what becomes of lines. */
export interface Ledger {
  /** It is part of the result, perhaps with a difference. */
  carry(line: Line, note?: string): void
  /** It, or the `piece` of it, is not. */
  drop(
    line: Line,
    reason: string,
    how?: { readonly piece?: string; readonly loss?: Loss },
  ): undefined
  readonly carried: readonly Carried[]
  readonly notCarried: readonly NotCarried[]
  has(line: Line): boolean
}

export function openLedger(): Ledger {
  const carried = new Map<number, Carried>()
  const notCarried: NotCarried[] = []
  /** Lines of which nothing was carried over: their parts need no word of their own. */
  const wholes = new Map<number, NotCarried>()
  return {
    carry: (line, note) => {
      const before = carried.get(line.number)?.note
      const notes = [before, note].filter((one) => one !== undefined)
      const text = [...new Set(notes)].join('; ')
      carried.set(line.number, {
        line: line.number,
        text: line.text,
        note: text === '' ? undefined : text,
      })
    },
    drop: (line, reason, { piece, loss = 'something' } = {}) => {
      const text = piece ?? line.text
      if (piece === undefined && wholes.has(line.number)) return undefined
      const same = (one: NotCarried): boolean =>
        one.line === line.number && one.text === text && one.reason === reason
      if (notCarried.some(same)) return undefined
      const entry = { line: line.number, text, reason, loss }
      if (piece === undefined) wholes.set(line.number, entry)
      notCarried.push(entry)
      return undefined
    },
    get carried() {
      const lines = [...carried.values()].filter((one) => !wholes.has(one.line))
      return lines.toSorted((a, b) => a.line - b.line)
    },
    get notCarried() {
      return notCarried
        .filter((one) => (wholes.get(one.line) ?? one) === one)
        .toSorted((a, b) => a.line - b.line)
    },
    has: (line) => carried.has(line.number) || notCarried.some((one) => one.line === line.number),
  }
}
