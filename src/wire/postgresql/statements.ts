// Does a statement of PostgreSQL leave something in its session that another server would not have?
// It looks at words only: what a function does inside cannot be seen, and counts for nothing.

/** What a text leaves behind. */
export type Trace =
  | { readonly kind: 'nothing' }
  /** A setting, by a statement that is alone in its text and can be said again. */
  | { readonly kind: 'setting' }
  /** It takes away a prepared statement, or all of them, or with them all that was set. */
  | { readonly kind: 'forgets'; readonly what: 'statements' | 'everything' }
  /** All that was set, but not as whom it acts, unless that is taken back as well (`role`). */
  | { readonly kind: 'forgets'; readonly what: 'settings'; readonly role: boolean }
  | { readonly kind: 'forgets'; readonly what: 'statement'; readonly name: string }
  /** Something that is gone with the session, in words. */
  | { readonly kind: 'state'; readonly what: string }

const nothing: Trace = { kind: 'nothing' }

/** Most texts have none of these words, and are not looked at any closer. */
const suspicious = new RegExp(
  String.raw`\b(?:set|reset|listen|prepare|declare|temp|temporary|pg_temp\w*|load|discard|` +
    String.raw`deallocate|set_config|currval|lastval|pg_\w*advisory\w*)\b`,
  'i',
)

const remembered = new Map<string, Trace>()
const rememberedMost = 500
const rememberedLength = 2000

/** What a query leaves behind; programs say the same ones again and again. */
export function traceOf(text: string): Trace {
  if (!suspicious.test(text)) return nothing
  const known = remembered.get(text)
  if (known !== undefined) return known
  const trace = forgottenBy(text) ?? traceOfAll(wordsOf(text))
  if (text.length <= rememberedLength) {
    if (remembered.size >= rememberedMost) remembered.clear()
    remembered.set(text, trace)
  }
  return trace
}

const forgetting = new RegExp(
  String.raw`^\s*(?:(discard\s+all)|deallocate\s+(?:prepare\s+)?` +
    String.raw`(?:(all)|"([^"]+)"|([a-z_][\w$]*)))(?:\s*;)?\s*$`,
  'i',
)

/** What a statement that is alone takes away; a name without quotes is one in lower case. */
function forgottenBy(text: string): Trace | undefined {
  const read = forgetting.exec(text)
  if (read === null) return undefined
  const [, everything, all, quoted, name = ''] = read
  if (everything !== undefined) return { kind: 'forgets', what: 'everything' }
  if (all !== undefined) return { kind: 'forgets', what: 'statements' }
  return { kind: 'forgets', what: 'statement', name: quoted ?? name.toLowerCase() }
}

/** These cannot commit by themselves before they are done; a procedure, for one, can. */
export const isPlain = (text: string): boolean =>
  /^\s*(?:select|insert|update|delete|merge|with|values|table|show|set|begin|start)\b/i.test(text)

/** Their values add up, or they depend on each other. */
const dependent: readonly string[] = [
  'client_encoding',
  'datestyle',
  'role',
  'session_authorization',
]

/** What a setting sets, where nothing is left of what was set before under the same name. */
export function settingOf(text: string): string | undefined {
  const read = /^\s*set\s+(?:session\s+)?([a-z_][\w$.]*)(?:\s*=|\s+to\s)/i.exec(text)
  const name = read?.[1]?.toLowerCase()
  return name === undefined || dependent.includes(name) ? undefined : name
}

/** Whether it says as whom a session acts: `RESET ALL` leaves that as it is. */
export const isRole = (setting: string): boolean =>
  /^\s*(?:set|reset)\s+(?:session\s+)?(?:role|authorization|session_authorization)\b/i.test(setting)

const [resets, takesRoleBack] = ['reset all', 'set session authorization default']
/** What pools say, most often in one text, before somebody else gets a connection. */
const cleaning = new Set([
  ...[resets, takesRoleBack, 'close all', 'unlisten', 'select pg_advisory_unlock_all'],
  ...['discard plans', 'discard sequences', 'discard temp', 'discard temporary'],
])

/** Of a text that only gives things up; `undefined` for any other. */
function cleanedBy(statements: readonly (readonly string[])[]): Trace | undefined {
  const texts = statements.map((words) => words.join(' '))
  if (!texts.every((text) => cleaning.has(text))) return undefined
  const role = texts.includes(takesRoleBack)
  if (texts.includes(resets)) return { kind: 'forgets', what: 'settings', role }
  return role ? undefined : nothing
}

function traceOfAll(statements: readonly (readonly string[])[]): Trace {
  const said = statements.filter((words) => words.length > 0)
  const cleaned = cleanedBy(said)
  if (cleaned !== undefined) return cleaned
  for (const words of said) {
    const trace = traceOfOne(words)
    if (trace.kind === 'state') return trace
    if (trace.kind === 'setting' && said.length > 1) {
      return { kind: 'state', what: 'a setting among other statements' }
    }
    if (trace.kind === 'setting') return trace
  }
  return nothing
}

const state = (what: string): Trace => ({ kind: 'state', what })

function traceOfOne(words: readonly string[]): Trace {
  const [first, second] = words
  for (const word of words) {
    if (word === 'temp' || word === 'temporary' || word.startsWith('pg_temp')) {
      return state('a temporary table')
    }
    if (word.includes('advisory') && !word.includes('xact')) return state('an advisory lock')
    if (word === 'set_config') return state('a setting made by a function')
    if (word === 'currval' || word === 'lastval') return state('the last value of a sequence')
  }
  switch (first) {
    case 'set':
    case 'reset':
      return traceOfSetting(words)
    case 'listen':
      return state('a channel that it listens on')
    case 'prepare':
      return second === 'transaction' ? nothing : state('a prepared statement of SQL')
    case 'declare':
      return words.includes('hold') ? state('a cursor that outlives its transaction') : nothing
    case 'discard':
      return second === 'all' ? state('that it has given up what it had') : nothing
    case 'deallocate':
      return state('that it has given up what it had prepared')
    case 'load':
      return state('a loaded library')
    case 'do':
      return state('what a block of code may have set')
    default:
      return nothing
  }
}

function traceOfSetting(words: readonly string[]): Trace {
  const [, second, third, fourth] = words
  if (second === 'local' || second === 'transaction' || second === 'constraints') return nothing
  const strings = 'standard_conforming_strings'
  const isOff = second === strings && (third === 'to' ? fourth : third) !== 'on'
  return isOff ? state('another way to write strings') : { kind: 'setting' }
}

/**
 * The words of each statement in lower case, without what stands in strings, quoted names and
 * comments.
 */
function wordsOf(text: string): readonly (readonly string[])[] {
  const statements: string[][] = [[]]
  for (let at = 0; at < text.length; ) {
    const next = skipped(text, at)
    if (next > at) {
      at = next
      continue
    }
    if (text[at] === ';') {
      statements.push([])
      at += 1
      continue
    }
    wordAt.lastIndex = at
    const word = wordAt.exec(text)?.[0]
    if (word !== undefined) statements.at(-1)?.push(word.toLowerCase())
    at += word?.length ?? 1
  }
  return statements
}

const wordAt = /[\p{L}_][\p{L}\p{N}_$]*/uy
const dollarAt = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy

/** Where a string, a quoted name or a comment that begins at `at` ends; `at` if none does. */
function skipped(text: string, at: number): number {
  const two = text.slice(at, at + 2)
  if (two === '--') return after(text, '\n', at)
  if (two === '/*') return afterComment(text, at)
  if (/^[eE]'/.test(two) && !/[\p{L}\p{N}_$]/u.test(text[at - 1] ?? '')) {
    return afterQuote(text, at + 1, true)
  }
  if (two[0] === "'" || two[0] === '"') return afterQuote(text, at, false)
  dollarAt.lastIndex = at
  const tag = two[0] === '$' ? dollarAt.exec(text)?.[0] : undefined
  return tag === undefined ? at : after(text, tag, at + tag.length)
}

function after(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from)
  return found < 0 ? text.length : found + mark.length
}

/** Comments of PostgreSQL nest. */
function afterComment(text: string, at: number): number {
  let depth = 0
  for (let next = at; next < text.length; next += 1) {
    const two = text.slice(next, next + 2)
    if (two !== '/*' && two !== '*/') continue
    depth += two === '/*' ? 1 : -1
    next += 1
    if (depth === 0) return next + 1
  }
  return text.length
}

/** A doubled quote stands for itself: what follows is then read as one more string. */
function afterQuote(text: string, at: number, escapes: boolean): number {
  const quote = text[at]
  for (let next = at + 1; next < text.length; next += 1) {
    if (escapes && text[next] === '\\') next += 1
    else if (text[next] === quote) return next + 1
  }
  return text.length
}
