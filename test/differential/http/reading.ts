// How do servers read a stream of requests? A plain reader with switches for what they are lax
// about, from the strictest to the laxest; slow, and shares nothing with the parser that it judges.

/** What a server takes for what. */
export interface Dialect {
  readonly name: string
  /** Refuses all that RFC 9112 lets a server refuse. */
  readonly isStrict: boolean
  /** A lone CR ends a line too (a lone LF does wherever it is not strict). */
  readonly endsAtCr: boolean
  /** A coding that only contains `chunked` is taken for it. */
  readonly findsChunked: boolean
  /** Where both are there, the length counts and not the coding. */
  readonly prefersLength: boolean
  /** Of several lengths the first counts, or the last. */
  readonly takesFirst: boolean
}

const lax = { isStrict: false, endsAtCr: false, findsChunked: false, prefersLength: false }

/** From the strictest to the laxest. */
export const dialects: readonly Dialect[] = [
  { name: 'strict', ...lax, isStrict: true, takesFirst: true },
  { name: 'lf', ...lax, takesFirst: false },
  { name: 'length-first', ...lax, findsChunked: true, prefersLength: true, takesFirst: true },
  { name: 'cr', ...lax, endsAtCr: true, findsChunked: true, takesFirst: false },
]

/** One request as a server understood it. */
export interface Understood {
  readonly method: string
  readonly target: string
  readonly body: string
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** The byte after it. */
  readonly end: number
}

/** A stream as a server understood it. */
export interface Reading {
  readonly requests: readonly Understood[]
  /** What follows the last whole request: nothing, a part of one, or what it refuses. */
  readonly rest: 'none' | 'part' | 'bad'
}

const part = Symbol('part')
const bad = Symbol('bad')
type Failure = typeof part | typeof bad

interface Line {
  readonly text: string
  readonly next: number
}

const isFailure = (value: unknown): value is Failure => value === part || value === bad

function lineAt(text: string, at: number, dialect: Dialect): Line | Failure {
  const lf = text.indexOf('\n', at)
  if (dialect.isStrict) {
    const cr = text.indexOf('\r', at)
    if (cr >= 0 && cr + 1 < text.length && text[cr + 1] !== '\n') return bad
    if (lf < 0) return part
    return cr < 0 || cr > lf ? bad : { text: text.slice(at, cr), next: lf + 1 }
  }
  const cr = dialect.endsAtCr ? text.indexOf('\r', at) : -1
  if (cr >= 0 && (lf < 0 || cr < lf)) {
    if (cr + 1 >= text.length) return part
    return { text: text.slice(at, cr), next: text[cr + 1] === '\n' ? cr + 2 : cr + 1 }
  }
  if (lf < 0) return part
  return { text: text.slice(at, lf).replace(/\r+$/, ''), next: lf + 1 }
}

const strictLine = /^([!#$%&'*+\-.^_`|~\w]+) ([\x21-\x7e]+) HTTP\/1\.\d$/
const laxLine = /^\s*(\S+)\s+(\S+)/
const strictField = /^([!#$%&'*+\-.^_`|~\w]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/

interface Head {
  readonly method: string
  readonly target: string
  readonly fields: readonly (readonly [string, string])[]
  readonly next: number
}

function fieldsAt(
  text: string,
  from: number,
  dialect: Dialect,
): { readonly fields: [string, string][]; readonly next: number } | Failure {
  const fields: [string, string][] = []
  for (let at = from; ; ) {
    const line = lineAt(text, at, dialect)
    if (isFailure(line)) return line
    at = line.next
    if (line.text === '') return { fields, next: at }
    const last = fields.at(-1)
    if (/^[ \t]/.test(line.text) && !dialect.isStrict) {
      if (last !== undefined) last[1] += ` ${line.text.trim()}`
      continue
    }
    const strict = strictField.exec(line.text)
    if (strict !== null) fields.push([(strict[1] ?? '').toLowerCase(), strict[2] ?? ''])
    else if (dialect.isStrict) return bad
    else {
      const colon = line.text.indexOf(':')
      if (colon < 0) continue
      const name = line.text.slice(0, colon).replace(/[\s\0]+$/, '')
      fields.push([name.toLowerCase(), line.text.slice(colon + 1).trim()])
    }
  }
}

function headAt(text: string, from: number, dialect: Dialect): Head | Failure {
  let at = from
  let line = lineAt(text, at, dialect)
  while (!isFailure(line) && line.text === '') {
    at = line.next
    line = lineAt(text, at, dialect)
  }
  if (isFailure(line)) return line
  const words = (dialect.isStrict ? strictLine : laxLine).exec(line.text)
  if (words === null) return bad
  const fields = fieldsAt(text, line.next, dialect)
  if (isFailure(fields)) return fields
  return { method: words[1] ?? '', target: words[2] ?? '', ...fields }
}

/** Bytes of body, `chunked`, or a refusal. */
function framing(fields: Head['fields'], dialect: Dialect): number | 'chunked' | typeof bad {
  const of = (wanted: string): string[] =>
    fields.filter(([name]) => name === wanted).map(([, value]) => value)
  const [codings, lengths] = [of('transfer-encoding'), of('content-length')]
  const isChunked = dialect.findsChunked
    ? codings.some((coding) => /chunked/i.test(coding))
    : /(^|[, \t])chunked[ \t]*$/i.test(codings.at(-1) ?? '')
  if (dialect.isStrict) {
    if (codings.length + lengths.length > 1) return bad
    if (codings.length > 0) return /^chunked$/i.test(codings[0] ?? '') ? 'chunked' : bad
    if (lengths.length > 0) return /^\d{1,15}$/.test(lengths[0] ?? '') ? Number(lengths[0]) : bad
    return 0
  }
  if (isChunked && !(dialect.prefersLength && lengths.length > 0)) return 'chunked'
  const length = Number.parseInt(lengths.at(dialect.takesFirst ? 0 : -1) ?? '0', 10)
  return Number.isNaN(length) ? 0 : Math.max(0, length)
}

function chunksAt(
  text: string,
  from: number,
  dialect: Dialect,
): { readonly body: string; readonly next: number } | Failure {
  let [at, body] = [from, '']
  for (;;) {
    const line = lineAt(text, at, dialect)
    if (isFailure(line)) return line
    const isWell = /^[0-9a-f]{1,12}(;[\t\x20-\x7e\x80-\xff]*)?$/i.test(line.text)
    if (dialect.isStrict && !isWell) return bad
    const size = Number.parseInt(line.text.trim(), 16)
    if (Number.isNaN(size) || size < 0) return bad
    at = line.next
    if (size === 0) break
    if (text.length < at + size) return part
    body += text.slice(at, at + size)
    at += size
    const end = lineAt(text, at, dialect)
    if (end === part) return part
    const isEmpty = !isFailure(end) && end.text === ''
    if (!isEmpty && dialect.isStrict) return bad
    if (isEmpty) at = (end as Line).next
  }
  const trailers = fieldsAt(text, at, dialect)
  return isFailure(trailers) ? trailers : { body, next: trailers.next }
}

function requestAt(text: string, from: number, dialect: Dialect): Understood | Failure {
  const head = headAt(text, from, dialect)
  if (isFailure(head)) return head
  const { method, target, fields, next } = head
  const length = framing(fields, dialect)
  if (length === bad) return bad
  if (length === 'chunked') {
    const chunks = chunksAt(text, next, dialect)
    return isFailure(chunks)
      ? chunks
      : { method, target, fields, body: chunks.body, end: chunks.next }
  }
  const end = next + length
  if (text.length < end) return part
  return { method, target, fields, body: text.slice(next, end), end }
}

/** All requests in a stream, one character a byte. */
export function readRequests(text: string, dialect: Dialect): Reading {
  const requests: Understood[] = []
  for (let at = 0; at < text.length; ) {
    const request = requestAt(text, at, dialect)
    if (request === part || request === bad) {
      const isBlank = /^[\r\n]*$/.test(text.slice(at))
      return { requests, rest: isBlank ? 'none' : request === part ? 'part' : 'bad' }
    }
    requests.push(request)
    at = request.end
  }
  return { requests, rest: 'none' }
}
