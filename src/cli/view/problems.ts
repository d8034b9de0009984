// What is wrong with the file, and where? Each fault with its line and a mark under the word. Pure.

import type { Problem } from '../../spec/model.ts'
import { isPrivatePath, privateLines } from './private-lines.ts'
import type { Paint } from './style.ts'
import { counted } from './words.ts'

/** All problems of one text, in the order of the file, with their number at the end. */
export function problemLines(
  problems: readonly Problem[],
  text: string,
  paint: Paint,
): readonly string[] {
  const source = text.split('\n')
  const hidden = privateLines(source)
  const quoted = source.map((line, index) =>
    hidden.has(index + 1) ? undefined : line.replace(/\r$/, ''),
  )
  const sorted = problems.toSorted(
    (a, b) => a.place.line - b.place.line || a.place.column - b.place.column,
  )
  return [
    ...sorted.flatMap((problem) => [...oneProblem(problem, quoted, paint), '']),
    paint('bad', `${counted(problems.length, 'fault')}; nothing was changed`),
  ]
}

function oneProblem(
  { place, path, message, remedy }: Problem,
  /** Without the lines that may hold a secret. */
  source: readonly (string | undefined)[],
  paint: Paint,
): readonly string[] {
  const at = `${place.file}:${place.line}:${place.column}:`
  const about = path === '' || message.includes(path) ? '' : `${path}: `
  const line = isPrivatePath(path) ? undefined : source[place.line - 1]
  const number = String(place.line).padStart(5)
  return [
    `${paint('strong', at)} ${paint('bad', 'fault:')} ${about}${message}`,
    ...(line === undefined
      ? []
      : [
          `${paint('faint', `${number} |`)} ${clip(line)}`,
          `${paint('faint', '      |')} ${marked(line, place.column, paint)}`,
        ]),
    ...(remedy === undefined ? [] : [`      ${paint('strong', 'remedy:')} ${remedy}`]),
  ]
}

/** A line of a generated file may be endless; what is shown of it is not. */
const longest = 160
const clip = (line: string): string =>
  line.length > longest ? `${line.slice(0, longest - 1)}…` : line

const marked = (line: string, column: number, paint: Paint): string =>
  margin(line, column) + paint('bad', mark(line, column))

/** Spaces up to the column; tabs stay tabs, so that the mark stands where the word stands. */
const margin = (line: string, column: number): string =>
  line.slice(0, Math.min(column, longest) - 1).replaceAll(/[^\t]/g, ' ')

/** Marks the word that begins at `column`. */
const mark = (line: string, column: number): string => {
  const word = /^(?:"[^"]*"|'[^']*'|[^\s:,[\]{}#]+)/.exec(line.slice(column - 1))?.[0] ?? ''
  return '^'.repeat(Math.max(1, Math.min(word.length, longest - column)))
}
