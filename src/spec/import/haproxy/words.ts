// How does HAProxy split a line into words? Quotes, escapes, comments and environment variables as
// in its configuration manual, section 2.2 ("Quoting and escaping") and 2.3 ("Environment
// variables").

/** The words and the text without its comment, or what is wrong with the line. */
export type Split =
  | { readonly words: readonly string[]; readonly text: string }
  | { readonly fault: string }

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }
/** A backslash before anything else stands for itself. */
const escaped = new Set([' ', '\\', '#', '"', "'", '$'])

/**
 * Splits a line. A variable becomes a reference of our file, `${env.NAME}`; a `${` that is no
 * variable becomes `$${`, so that it stays text there.
 */
export function splitLine(line: string): Split {
  const words: string[] = []
  let word: string | undefined
  let quote: '"' | "'" | undefined
  let at = 0
  const add = (text: string): void => {
    word = (word ?? '') + text
  }
  for (; at < line.length; at += 1) {
    const char = line.charAt(at)
    if (quote === "'") {
      if (char === "'") quote = undefined
      else add(literal(line, at))
    } else if (char === '\\') {
      const piece = readEscape(line, at)
      if (piece === undefined) return { fault: 'a backslash ends the line' }
      add(piece.text)
      at = piece.end
    } else if (char === '$' && quote === '"') {
      const variable = readVariable(line, at)
      if (variable === undefined) return { fault: 'a variable without a name' }
      add(variable.text)
      at = variable.end
    } else if (char === '"') {
      quote = quote === '"' ? undefined : '"'
      add('')
    } else if (quote === '"') {
      add(char)
    } else if (char === "'") {
      quote = "'"
      add('')
    } else if (char === '#') {
      break
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      add(literal(line, at))
    }
  }
  if (quote !== undefined) return { fault: `the quote ${quote} is not closed` }
  if (word !== undefined) words.push(word)
  return { words, text: line.slice(0, at).trim() }
}

/** A character that stands for itself; `${` is marked as text. */
const literal = (line: string, at: number): string =>
  line.startsWith('${', at) ? '$$' : line.charAt(at)

interface Piece {
  readonly text: string
  readonly end: number
}

function readEscape(line: string, at: number): Piece | undefined {
  const next = line[at + 1]
  if (next === undefined) return undefined
  const hex = next === 'x' ? /^[0-9a-f]{2}/i.exec(line.slice(at + 2))?.[0] : undefined
  if (hex !== undefined) return { text: String.fromCharCode(Number.parseInt(hex, 16)), end: at + 3 }
  const special = escapes[next]
  if (special !== undefined) return { text: special, end: at + 1 }
  if (escaped.has(next)) return { text: literal(line, at + 1), end: at + 1 }
  return { text: '\\', end: at }
}

function readVariable(line: string, at: number): Piece | undefined {
  const braced = /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?:\[\*\])?(?:-([^}"$]*))?\}/.exec(line.slice(at))
  if (braced !== null) {
    const [whole, name = '', otherwise] = braced
    const standard = otherwise === undefined ? '' : `:-${otherwise}`
    return { text: `\${env.${name}${standard}}`, end: at + whole.length - 1 }
  }
  const bare = /^\$([A-Za-z_][A-Za-z0-9_]*)/.exec(line.slice(at))
  if (bare === null) return undefined
  return { text: `\${env.${bare[1]}}`, end: at + bare[0].length - 1 }
}
