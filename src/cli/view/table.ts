// How do rows of words become a table that fits the screen? Pure.

import type { Paint, Tone } from './style.ts'
import { wrap } from './words.ts'

/** One column. When the screen is too narrow, the one that is dropped `first` goes first. */
export interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
  /** 1 is dropped before 2; 0 never. */
  readonly dropped: number
}

/** A text and what it is for the eye. */
export interface Cell {
  readonly text: string
  readonly tone: Tone
}

/** One row, with what is said about it underneath. */
export interface Row {
  readonly cells: readonly Cell[]
  readonly notes: readonly Cell[]
}

const gap = '  '

/** A plain cell, or one with a tone. */
export const cell = (text: string, tone: Tone = 'plain'): Cell => ({ text, tone })

/** The lines of a table, none of them longer than `width` unless the first column alone is. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly Row[],
  width: number,
  paint: Paint,
): readonly string[] {
  const shown = fitting(columns, rows, width)
  const widths = widthsOf(columns, rows)
  const line = (cells: readonly Cell[]): string =>
    shown
      .map((index, place) => {
        const { text, tone } = cells[index] ?? cell('')
        const space = ' '.repeat(Math.max(0, (widths[index] ?? 0) - text.length))
        const isLast = place === shown.length - 1
        if (columns[index]?.align === 'right') return space + paint(tone, text)
        return isLast ? paint(tone, text) : paint(tone, text) + space
      })
      .join(gap)
      .trimEnd()
  return [
    line(columns.map(({ title }) => cell(title, 'faint'))),
    ...rows.flatMap(({ cells, notes }) => [
      line(cells),
      ...notes.flatMap(({ text, tone }) => wrap(text, width, '    ').map((l) => paint(tone, l))),
    ]),
  ]
}

const widthsOf = (columns: readonly Column[], rows: readonly Row[]): readonly number[] =>
  columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map(({ cells }) => cells[index]?.text.length ?? 0)),
  )

/** The columns that have room beside each other. */
function fitting(
  columns: readonly Column[],
  rows: readonly Row[],
  width: number,
): readonly number[] {
  const widths = widthsOf(columns, rows)
  let shown = columns.map((_, index) => index)
  const total = (): number =>
    shown.reduce((sum, index) => sum + (widths[index] ?? 0) + gap.length, -gap.length)
  while (total() > width) {
    const [next] = shown
      .filter((index) => (columns[index]?.dropped ?? 0) > 0)
      .toSorted((a, b) => (columns[a]?.dropped ?? 0) - (columns[b]?.dropped ?? 0))
    if (next === undefined) break
    shown = shown.filter((index) => index !== next)
  }
  return shown
}
