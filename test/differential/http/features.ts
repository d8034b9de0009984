// What is odd about a message? Looked for with plain patterns, so that a row of the list of
// disagreements can say to what it applies.

import { dialects, readRequests } from './reading.ts'

/** The head that a lax server would read, and what follows it. */
export function split(text: string): { readonly head: string; readonly rest: string } {
  const end = /\r*\n\r*\n/.exec(text.replace(/^[\r\n]+/, (blank) => 'x'.repeat(blank.length)))
  if (end === null) return { head: text, rest: '' }
  const at = end.index + end[0].length
  return { head: text.slice(0, at), rest: text.slice(at) }
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"

const fieldLines = (head: string): readonly string[] =>
  head
    .replace(/^[\r\n]+/, '')
    .split('\n')
    .slice(1)
    .map((line) => line.replace(/\r+$/, ''))
    .filter((line) => line !== '')

const valuesOf = (head: string, name: string): readonly string[] =>
  fieldLines(head)
    .filter((line) => new RegExp(`^${name}[ \\t]*:`, 'i').test(line))
    .map((line) => line.slice(line.indexOf(':') + 1).replaceAll(/^[ \t]+|[ \t]+$/g, ''))

type Look = (head: string, text: string) => boolean

/** Other than CR and LF, which end lines, and the tab. */
const isControl = (character: string): boolean =>
  (character < ' ' && !'\t\r\n'.includes(character)) || character === '\x7f'

const fields: Readonly<Record<string, Look>> = {
  'lone-lf': (head) => /(^|[^\r])\n/.test(head),
  'lone-cr': (head) => /\r(?!\n)/.test(head),
  control: (head) => [...head].some(isControl),
  folded: (head) => fieldLines(head).some((line) => /^[ \t]/.test(line)),
  'space-before-colon': (head) => fieldLines(head).some((line) => /^[^:]*[ \t]+:/.test(line)),
  'name-no-token': (head) =>
    fieldLines(head).some((line) => !new RegExp(`^(${token}[ \\t]*:|[ \\t])`).test(line)),
  'tab-around-value': (head) => fieldLines(head).some((line) => /^[^:]+:[ ]*\t|\t *$/.test(line)),
  'length-odd': (head) =>
    valuesOf(head, 'content-length').some((value) => !/^\d{1,15}$/.test(value)),
  'length-twice': (head) => valuesOf(head, 'content-length').length > 1,
  'coding-odd': (head) =>
    valuesOf(head, 'transfer-encoding').some((value) => !/^chunked$/i.test(value)),
  'coding-twice': (head) => valuesOf(head, 'transfer-encoding').length > 1,
  'length-and-coding': (head) =>
    valuesOf(head, 'content-length').length > 0 && valuesOf(head, 'transfer-encoding').length > 0,
  'connection-essential': (head) =>
    valuesOf(head, 'connection').some((value) =>
      /\b(host|content-length|transfer-encoding)\b/i.test(value),
    ),
}

const chunksAreOdd = (head: string, text: string): boolean => {
  if (valuesOf(head, 'transfer-encoding').length === 0) return false
  const plain = `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${text.slice(head.length)}`
  const { requests, rest } = readRequests(plain, dialects[0] as (typeof dialects)[number])
  if (requests.length === 0) return rest !== 'none'
  const body = plain.slice(0, requests[0]?.end)
  return /\r\n0+[^\r\n]*\r\n[^\r]/.test(body)
}

const firstLine = (head: string): string => head.replace(/^[\r\n]+/, '').split(/\r?\n/, 1)[0] ?? ''
const methodOf = (head: string): string => firstLine(head).split(' ', 1)[0] ?? ''
const targetOf = (head: string): string => firstLine(head).split(' ')[1] ?? ''

const requestLooks: Readonly<Record<string, Look>> = {
  ...fields,
  'blank-before': (head) => /^[\r\n]/.test(head),
  'line-odd': (head) => !new RegExp(`^${token} [\\x21-\\x7e]+ HTTP/1\\.\\d$`).test(firstLine(head)),
  'version-odd': (head) => !/ HTTP\/1\.[01]$/.test(firstLine(head)),
  'version-1.0': (head) => / HTTP\/1\.0$/.test(firstLine(head)),
  'method-long': (head) => methodOf(head).length > 32,
  connect: (head) => methodOf(head) === 'CONNECT',
  trace: (head) => methodOf(head) === 'TRACE',
  pri: (head) => methodOf(head) === 'PRI',
  'method-odd': (head) => /[^A-Z]/.test(methodOf(head)),
  'host-none': (head) => valuesOf(head, 'host').length === 0,
  'host-twice': (head) => valuesOf(head, 'host').length > 1,
  'host-odd': (head) => valuesOf(head, 'host').some((value) => /[^\w.:[\]-]/.test(value)),
  'host-strange': (head) =>
    valuesOf(head, 'host').some((value) => !/^([\w.-]+|\[[\da-f:.]+\])(:\d*)?$/i.test(value)),
  'host-empty': (head) => valuesOf(head, 'host').some((value) => value === ''),
  'target-absolute': (head) => /^https?:/i.test(targetOf(head)),
  'target-form': (head) => !/^(\/|https?:\/\/)/i.test(targetOf(head)),
  'target-bytes': (head) => /[#"<>\\^`{|}\0-\x20\x7f-\xff]/.test(targetOf(head)),
  'target-percent': (head) => /%(?![0-9a-f]{2})|%00/i.test(targetOf(head)),
  'target-above': (head) => isAboveRoot(targetOf(head)),
  'expect-odd': (head) => valuesOf(head, 'expect').some((value) => !/^100-continue$/i.test(value)),
  'expect-continue': (head) =>
    valuesOf(head, 'expect').some((value) => /100-continue/i.test(value)),
  'max-forwards': (head) => valuesOf(head, 'max-forwards').length > 0,
  'condition-twice': (head) =>
    ['if-none-match', 'if-match', 'if-modified-since', 'user-agent', 'range', 'expect', 'te'].some(
      (name) => valuesOf(head, name).length > 1,
    ),
  upgrade: (head) => valuesOf(head, 'upgrade').length > 0,
  'coding-1.0': (head) =>
    / HTTP\/1\.0$/.test(firstLine(head)) && valuesOf(head, 'transfer-encoding').length > 0,
  chunks: chunksAreOdd,
}

/** Whether the path, decoded, climbs above the root. */
function isAboveRoot(target: string): boolean {
  const path = target.replace(/^https?:\/\/[^/?]*/i, '').split(/[?#]/, 1)[0] ?? ''
  let depth = 0
  for (const segment of path.replaceAll(/%2e/gi, '.').split(/\/+/).slice(1)) {
    depth += segment === '..' ? -1 : segment === '.' ? 0 : 1
    if (depth < 0) return true
  }
  return false
}

const answerLooks: Readonly<Record<string, Look>> = {
  ...fields,
  'status-odd': (head) =>
    !/^HTTP\/1\.[01] [1-9]\d\d( [\t\x20-\x7e\x80-\xff]*)?\r?$/.test(head.split('\n', 1)[0] ?? ''),
  'coding-1.0': (head) =>
    /^HTTP\/1\.0/.test(head) && valuesOf(head, 'transfer-encoding').length > 0,
  'no-body': (head) => /^HTTP\/1\.\d (204|304)/.test(head),
  interim: (head) => /^HTTP\/1\.\d 1/.test(head),
  coded: (head) => valuesOf(head, 'transfer-encoding').length > 0,
  chunks: chunksAreOdd,
}

const found = (looks: Readonly<Record<string, Look>>, text: string): ReadonlySet<string> => {
  const { head } = split(text)
  return new Set(Object.entries(looks).flatMap(([name, look]) => (look(head, text) ? [name] : [])))
}

/** What is odd about the first request in `text`. */
export const oddOfRequest = (text: string): ReadonlySet<string> => found(requestLooks, text)

/** What is odd about an answer; an interim one before it is passed over. */
export const oddOfAnswer = (text: string): ReadonlySet<string> => {
  const odd = found(answerLooks, text)
  if (!odd.has('interim')) return odd
  const { rest } = split(text)
  return new Set([...odd, ...found(answerLooks, rest)])
}
