// Is the text YAML? Reads it, with every syntax error in words a person can act on. What its keys
// mean is not known here.

import { type Document, LineCounter, parseDocument, type YAMLError } from 'yaml'
import type { Place } from './model.ts'
import type { Reporter } from './reporter.ts'

/** The text as read, and where its parts stand. */
export interface YamlSource {
  readonly document: Document.Parsed
  /** The text that offsets count in: tabs that indent have become spaces. */
  readonly text: string
  placeOf(offset: number): Place
  /** Whether an offset lies where a syntax error makes what was read unreliable. */
  isDamaged(offset: number): boolean
  readonly hasSyntaxErrors: boolean
}

/** Reads `text`, reporting what is not YAML. Never throws, whatever the text. */
export function readYaml(text: string, file: string, reporter: Reporter): YamlSource {
  const repaired = withoutTabs(text)
  const { document, lines, isTooDeep } = parse(repaired.text)
  const damaged: (readonly [from: number, to: number])[] = []
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(Math.min(offset, repaired.text.length))
    return { file, line, column: repaired.columnOf(line, col) }
  }
  for (const run of repaired.runs) {
    const which =
      run.first === run.last ? `line ${run.first} is` : `lines ${run.first}-${run.last} are`
    const offset = lines.lineStarts[run.first - 1] ?? 0
    reporter.report({
      offset,
      path: [],
      isSyntax: true,
      message: `${which} indented with tabs, which YAML does not allow`,
      remedy: 'indent with spaces',
    })
  }
  if (isTooDeep) {
    damaged.push([0, repaired.text.length + 1])
    reporter.report({ offset: 0, path: [], isSyntax: true, ...tooDeep })
  }
  const reported = new Set<number>()
  for (const error of [...document.errors, ...document.warnings]) {
    // What the parser stumbles over after its first fall is no fault of the writer's.
    if (damaged.length > 0 && error.code === 'UNEXPECTED_TOKEN') continue
    const offset = whereToPoint(error, repaired.text, document)
    const { line } = lines.linePos(offset)
    damaged.push(damageFrom(repaired.text, lines.lineStarts[line - 1] ?? 0))
    if (reported.has(line)) continue
    reported.add(line)
    reporter.report({ offset, path: [], isSyntax: true, ...inWords(error, repaired.text, offset) })
  }
  return {
    document,
    text: repaired.text,
    placeOf,
    isDamaged: (offset) => damaged.some(([from, to]) => offset >= from && offset < to),
    hasSyntaxErrors: damaged.length > 0,
  }
}

interface ParsedText {
  readonly document: Document.Parsed
  readonly lines: LineCounter
  /** The parser ran out of stack: nothing was read. */
  readonly isTooDeep: boolean
}

function parse(text: string): ParsedText {
  try {
    return { ...parseWith(text), isTooDeep: false }
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown
    return { ...parseWith(''), isTooDeep: true }
  }
}

function parseWith(text: string): Pick<ParsedText, 'document' | 'lines'> {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error',
    version: '1.2',
    schema: 'core',
    resolveKnownTags: false,
  })
  if (lines.lineStarts.length === 0) lines.addNewLine(0)
  return { document, lines }
}

interface Repaired {
  readonly text: string
  /** Runs of lines that were indented with tabs, counted from one. */
  readonly runs: readonly { readonly first: number; readonly last: number }[]
  columnOf(line: number, column: number): number
}

/**
 * The text with tabs in its indentation replaced, so that one wrong editor setting does not hide
 * every other fault. Only a text that YAML refuses for its tabs is touched.
 */
function withoutTabs(text: string): Repaired {
  const untouched: Repaired = { text, runs: [], columnOf: (_line, column) => column }
  if (!/^ *\t/m.test(text)) return untouched
  const { document, lines } = parse(text)
  if (!document.errors.some((error) => error.code === 'TAB_AS_INDENT')) return untouched
  const refused = new Set(
    document.errors
      .filter((error) => error.code === 'TAB_AS_INDENT')
      .map((error) => lines.linePos(error.pos[0]).line),
  )
  const unit = Math.min(
    ...[...text.matchAll(/^( +)[^\s#]/gm)].map((match) => match[1]?.length ?? 2),
    8,
  )
  const width = unit === 8 ? 2 : unit
  const grown = new Map<number, { readonly before: number; readonly after: number }>()
  const runs: { first: number; last: number }[] = []
  const repaired = text.split('\n').map((content, index) => {
    const indent = /^[ \t]*/.exec(content)?.[0] ?? ''
    const line = index + 1
    if (!indent.includes('\t') || indent.length === content.trimEnd().length) return content
    if (!refused.has(line) && !content.startsWith('\t')) return content
    const spaces = indent.replaceAll('\t', ' '.repeat(width))
    grown.set(line, { before: indent.length, after: spaces.length })
    const run = runs.at(-1)
    if (run?.last === line - 1) run.last = line
    else runs.push({ first: line, last: line })
    return spaces + content.slice(indent.length)
  })
  return {
    text: repaired.join('\n'),
    runs,
    columnOf: (line, column) => {
      const { before, after } = grown.get(line) ?? { before: 0, after: 0 }
      return column > after ? column - after + before : Math.min(column, before + 1)
    },
  }
}

/** From a broken line to the next key that begins a line: what lies between may be misread. */
function damageFrom(text: string, start: number): readonly [number, number] {
  const next = /\n(?=[A-Za-z_][A-Za-z0-9_-]*:)/g
  next.lastIndex = start + 1
  return [start, next.exec(text)?.index ?? text.length + 1]
}

/** An unclosed quote or bracket is reported where it opens, not where it was missed. */
function whereToPoint(error: YAMLError, text: string, document: Document.Parsed): number {
  const offset = Math.min(error.pos[0], text.length)
  if (isUnclosed(error)) return openBracketBefore(text, offset) ?? offset
  const quote = /Missing closing (.)quote/.exec(error.message)?.[1]
  if (quote === undefined) return offset
  return lastOpening(document.contents, quote, text) ?? offset
}

const isUnclosed = (error: YAMLError): boolean =>
  /^Flow (sequence|map)/.test(error.message) && /end with a/.test(error.message)

function openBracketBefore(text: string, end: number): number | undefined {
  let closed = 0
  for (let at = end - 1; at >= 0; at -= 1) {
    const char = text.charAt(at)
    if (char === ']' || char === '}') closed += 1
    else if (char === '[' || char === '{') {
      if (closed === 0) return at
      closed -= 1
    }
  }
  return undefined
}

function lastOpening(node: unknown, quote: string, text: string): number | undefined {
  let found: number | undefined
  const visit = (value: unknown): void => {
    const {
      items,
      key,
      value: inner,
      range,
    } = (value ?? {}) as {
      items?: readonly unknown[]
      key?: unknown
      value?: unknown
      range?: readonly number[]
    }
    const at = range?.[0]
    if (at !== undefined && items === undefined && text[at] === quote) found = at
    for (const item of items ?? []) visit(item)
    if (typeof key === 'object') visit(key)
    if (typeof inner === 'object') visit(inner)
  }
  visit(node)
  return found
}

interface Words {
  readonly message: string
  readonly remedy?: string
}

const tooDeep: Words = { message: 'this is nested too deeply to be read' }

function inWords(error: YAMLError, text: string, offset: number): Words {
  const { code, message } = error
  if (text.slice(0, offset).endsWith('$') && text[offset] === '{') {
    return {
      message: 'a `${…}` inside `{ }` or `[ ]` is read as YAML',
      remedy: 'put the value in quotes: `"${env.NAME}"`',
    }
  }
  if (message.startsWith('Missing closing')) {
    return { message: 'this quote is not closed', remedy: 'close it, or leave out both' }
  }
  if (isUnclosed(error)) return { message: `this \`${text.charAt(offset)}\` is not closed` }
  return (
    byCode[code] ?? { message: `not YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}` }
  )
}

const byCode: { readonly [C in YAMLError['code']]?: Words } = {
  BAD_INDENT: {
    message: 'this line is indented unlike the lines beside it',
    remedy: 'give keys of the same map the same number of spaces',
  },
  TAB_AS_INDENT: {
    message: 'a tab stands where YAML allows only spaces',
    remedy: 'indent with spaces',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'there is a second `: ` in this value',
    remedy: 'put the value in quotes, or begin a new line for a map',
  },
  MULTILINE_IMPLICIT_KEY: {
    message: 'a key without `:`, or a value that runs into the next line',
    remedy: 'end the key with a colon',
  },
  BAD_SCALAR_START: {
    message: 'a value cannot begin with `@`, `%` or a backquote',
    remedy: 'put it in quotes',
  },
  BAD_DQ_ESCAPE: {
    message: 'a backslash in double quotes begins an escape, and this is none',
    remedy: 'use single quotes, or double the backslash',
  },
  MULTIPLE_DOCS: {
    message: 'a second YAML document begins here',
    remedy: 'keep one document a file: leave out `---`',
  },
  TAG_RESOLVE_FAILED: {
    message: 'tags such as `!name` have no meaning here',
    remedy: 'leave it out',
  },
  BAD_DIRECTIVE: { message: 'this directive has no meaning here', remedy: 'leave the line out' },
  RESOURCE_EXHAUSTION: tooDeep,
  UNEXPECTED_TOKEN: {
    message: 'there is more after this value than YAML expects',
    remedy: 'put the whole value in quotes',
  },
}
