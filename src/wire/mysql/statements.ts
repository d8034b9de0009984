// Does a statement of MySQL or MariaDB leave something in its session that another server would not
// have? It looks at words only: what a procedure does inside cannot be seen.

/** As in PostgreSQL: nothing, a setting that can be said again, or something that is lost. */
export type Trace =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'setting' }
  | { readonly kind: 'state'; readonly what: string }

const nothing: Trace = { kind: 'nothing' }
const state = (what: string): Trace => ({ kind: 'state', what })

const suspicious = new RegExp(
  String.raw`@|/\*|\b(?:set|use|temporary|lock|get_lock|prepare|handler|flush|call|` +
    String.raw`last_insert_id|found_rows|row_count|sql_calc_found_rows)\b`,
  'i',
)

/** What a query leaves behind. */
export function traceOf(text: string): Trace {
  if (!suspicious.test(text)) return nothing
  if (/\/\*M?!/.test(text)) return state('a comment that is executed')
  const statements = plainOf(text).split(';').map(wordsOf)
  const said = statements.filter((words) => words.length > 0)
  for (const words of said) {
    const trace = traceOfOne(words)
    if (trace.kind === 'state') return trace
    if (trace.kind === 'setting' && said.length > 1) {
      return state('a setting among other statements')
    }
    if (trace.kind === 'setting') return trace
  }
  return nothing
}

const hidden = new RegExp(
  [
    String.raw`'(?:[^'\\]|\\(?:[\s\S]|$))*(?:'|$)`,
    String.raw`"(?:[^"\\]|\\(?:[\s\S]|$))*(?:"|$)`,
    '`[^`]*(?:`|$)',
    String.raw`/\*[\s\S]*?(?:\*/|$)`,
    String.raw`(?:#|--\s)[^\n]*`,
  ].join('|'),
  'g',
)

/** Without what stands in strings, quoted names and comments. */
const plainOf = (text: string): string => text.replace(hidden, " '' ")

const wordsOf = (text: string): readonly string[] =>
  text.toLowerCase().match(/@{0,2}[\p{L}_$][\p{L}\p{N}_$]*|@/gu) ?? []

const remembering = new Set(['last_insert_id', 'found_rows', 'row_count', 'sql_calc_found_rows'])

function traceOfOne(words: readonly string[]): Trace {
  const [first, second] = words
  for (const word of words) {
    if (word.startsWith('@') && !word.startsWith('@@')) return state('a variable of its own')
    if (word === 'temporary') return state('a temporary table')
    if (word.endsWith('_lock') && word.includes('get')) return state('a lock of its own')
    if (remembering.has(word)) return state('what the statement before it did')
  }
  if (first === 'lock' || (first === 'flush' && words.includes('lock'))) return state('locks')
  if (first === 'prepare') return state('a prepared statement of SQL')
  if (first === 'handler') return state('an open handler')
  if (first === 'call') return state('what a procedure may have set')
  if (first === 'use') return { kind: 'setting' }
  if (first !== 'set') return nothing
  if (second === 'global' || second === 'password' || second === 'statement') return nothing
  if (words.includes('transaction')) return state('a setting of its next transaction')
  return { kind: 'setting' }
}
