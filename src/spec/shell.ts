// How is a `run` line split into a program and its arguments, and when does it need a shell?
// Quoting as in POSIX (Shell Command Language, section 2.2).

/** The program and its arguments, or the quote that is not closed. */
export type RunLine =
  | { readonly kind: 'words'; readonly argv: readonly string[] }
  | { readonly kind: 'shell'; readonly argv: readonly string[] }
  | { readonly kind: 'unclosed'; readonly quote: '"' | "'" | '\\'; readonly at: number }

/** What a replica's own values stand for: no shell is needed for these. */
const placeholder = /\$\{(?:port|host|replica)\}/y

const joins = new Set(['|', '&', ';', '(', ')', '\n'])
const special = new Set(['<', '>', '$', '`', '*', '?', '['])
const keywords = new Set('! { case for if until while function select time [['.split(' '))
const builtins = new Set(
  (
    '. : alias bg break cd continue eval exec exit export fc fg getopts hash jobs read readonly ' +
    'return set shift source times trap type ulimit umask unalias unset wait'
  ).split(' '),
)

interface Scan {
  readonly words: readonly string[]
  /** Something only a shell understands was found outside single quotes. */
  readonly needsShell: boolean
  /** Several commands are joined: there is no single one to `exec`. */
  readonly joined: boolean
}

/**
 * Splits a line into words. A line that uses pipes, redirections, variables, patterns, or anything
 * else of a shell becomes `/bin/sh -c LINE`; if it is a single command, with `exec`, so that the
 * stop signal reaches the program and not the shell.
 */
export function splitRun(line: string): RunLine {
  const scan = scanWords(line.trim())
  if ('quote' in scan) return { kind: 'unclosed', ...scan }
  if (!scan.needsShell) return { kind: 'words', argv: scan.words }
  return { kind: 'shell', argv: ['/bin/sh', '-c', execLine(line.trim(), scan)] }
}

function execLine(line: string, scan: Scan): string {
  const first = scan.words[0] ?? ''
  if (scan.joined || keywords.has(first) || builtins.has(first)) return line
  return isAssignment(first) ? `exec env ${line}` : `exec ${line}`
}

const isAssignment = (word: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*=/.test(word)

type Unclosed = { readonly quote: '"' | "'" | '\\'; readonly at: number }

function scanWords(line: string): Scan | Unclosed {
  const words: string[] = []
  let word: string | undefined
  let needsShell = false
  let joined = false
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at)
    const held = placeholderAt(line, at)
    if (held !== undefined) {
      word = (word ?? '') + held
      at += held.length - 1
    } else if (char === "'" || char === '"') {
      const quoted = char === "'" ? singleQuoted(line, at) : doubleQuoted(line, at)
      if (quoted === undefined) return { quote: char, at }
      word = (word ?? '') + quoted.text
      needsShell ||= quoted.expands
      at = quoted.end
    } else if (char === '\\') {
      if (at + 1 === line.length) return { quote: '\\', at }
      at += 1
      word = (word ?? '') + line.charAt(at)
    } else if (char === ' ' || char === '\t') {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      joined ||= joins.has(char)
      needsShell ||= joins.has(char) || special.has(char)
      needsShell ||= word === undefined && (char === '~' || char === '#')
      word = (word ?? '') + char
    }
  }
  if (word !== undefined) words.push(word)
  const first = words[0] ?? ''
  needsShell ||= isAssignment(first) || keywords.has(first) || builtins.has(first)
  return { words, needsShell, joined }
}

function placeholderAt(line: string, at: number): string | undefined {
  if (line[at] !== '$') return undefined
  placeholder.lastIndex = at
  return placeholder.exec(line)?.[0]
}

interface Quoted {
  readonly text: string
  readonly end: number
  readonly expands: boolean
}

function singleQuoted(line: string, start: number): Quoted | undefined {
  const end = line.indexOf("'", start + 1)
  return end < 0 ? undefined : { text: line.slice(start + 1, end), end, expands: false }
}

/** In double quotes a backslash quotes only `$`, a backquote, `"`, `\` and the end of a line. */
function doubleQuoted(line: string, start: number): Quoted | undefined {
  let text = ''
  let expands = false
  for (let at = start + 1; at < line.length; at += 1) {
    const char = line.charAt(at)
    const held = placeholderAt(line, at)
    if (char === '"') return { text, end: at, expands }
    if (held !== undefined) {
      text += held
      at += held.length - 1
    } else if (char === '\\' && '$`"\\\n'.includes(line.charAt(at + 1)) && at + 1 < line.length) {
      at += 1
      text += line.charAt(at) === '\n' ? '' : line.charAt(at)
    } else {
      expands ||= char === '$' || char === '`'
      text += char
    }
  }
  return undefined
}
