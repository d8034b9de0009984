// Can an HAProxy configuration be run as it is? What is wrong with it, in its own lines.

import { dirname, resolve } from 'node:path'
import type { Parsed, Problem } from '../../model.ts'
import { parseSpec } from '../../parse.ts'
import { importHaproxy } from './import.ts'
import type { Imported } from './model.ts'

interface ParsedHaproxy {
  readonly parsed: Parsed
  readonly imported: Imported
}

/**
 * The spec that a configuration asks for. Refused, with problems, if a line that keeps somebody
 * out would be left out unseen, or if no server is left.
 */
export function parseHaproxy(
  { path, text }: { readonly path: string; readonly text: string },
  env: Readonly<Record<string, string | undefined>>,
  cores: number,
  readFile: (path: string) => string,
): ParsedHaproxy {
  const folder = dirname(resolve(path))
  const imported = importHaproxy({
    text,
    file: path,
    readFile: (page) => readFile(resolve(folder, page)),
  })
  const at = (line: number): Problem['place'] => {
    const source = text.split('\n')[line - 1] ?? ''
    return { file: path, line, column: source.length - source.trimStart().length + 1 }
  }
  const unprotected = imported.notCarried
    .filter(({ loss }) => loss === 'protection')
    .map(({ line, reason }) => ({
      place: at(line),
      path: '',
      message: `this line keeps somebody out, and would be left out: ${reason}`,
      remedy: 'make a file of it with `alwayson import`, and decide there',
    }))
  if (imported.yaml === undefined) {
    const nothing: Problem = {
      place: at(1),
      path: '',
      message: 'there is no server here that could be carried over',
      remedy: '`alwayson import` says of each line what became of it',
    }
    return { imported, parsed: { kind: 'problems', problems: [nothing, ...unprotected] } }
  }
  const made = parseSpec({
    text: imported.yaml,
    file: path,
    env,
    cores,
    readFile: (page) => pageOf(page, folder, imported) ?? readFile(page),
  })
  const inOwnLines = made.kind === 'spec' ? [] : made.problems
  const problems = [
    ...unprotected,
    ...inOwnLines.map((problem) => ({ ...problem, place: at(lineOf(problem.path, imported)) })),
  ]
  if (problems.length === 0) return { imported, parsed: made }
  return { imported, parsed: { kind: 'problems', problems } }
}

/** The body of a page that exists only in the import. */
function pageOf(path: string, folder: string, { pages }: Imported): string | undefined {
  return pages.find((page) => resolve(folder, page.path) === path)?.text
}

/** The line that a part of the result comes from: its own, or that of what it belongs to. */
function lineOf(path: string, { lines }: Imported): number {
  let part = path
  while (part !== '') {
    const line = lines[part]
    if (line !== undefined) return line
    part = part.replace(/(\.[^.[]*|\[\d+\])$|^[^.[]*$/, '')
  }
  return 1
}
