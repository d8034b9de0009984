// What does a health check ask for (`option httpchk` in its three forms, `http-check send`), and
// which statuses pass (`http-check expect`)?

import { patterns, readers, readPattern, readStatuses } from '../../values.ts'
import type { Ledger } from './ledger.ts'
import type { BodyExpectation, HttpCheck, Line } from './model.ts'

const methods = ['GET', 'HEAD', 'OPTIONS']

/** HAProxy's own: `OPTIONS / HTTP/1.0`. */
const standard: HttpCheck = { method: 'OPTIONS', path: '/', host: undefined }

/**
 * `option httpchk`, `option httpchk URI`, `option httpchk METHOD URI [VERSION]`, where a version
 * may carry header lines: `HTTP/1.1\r\nHost:\ shop.example`. `undefined` if it cannot be carried
 * over, which is reported.
 */
export function readHttpCheck(line: Line, ledger: Ledger): HttpCheck | undefined {
  const words = line.words.slice(2)
  const [method, path, ...version] =
    words.length === 1
      ? [standard.method, words[0] ?? '']
      : words.length === 0
        ? [standard.method, '/']
        : words
  const host = /\r?\n *host *: *([^\r\n]+)/i.exec(version.join(' '))?.[1]?.trim()
  return usable({ method: (method ?? '').toUpperCase(), path: path ?? '/', host }, line, ledger)
}

/** `http-check send meth METHOD uri URI hdr NAME VALUE …`, upon what held before. */
export function readHttpCheckSend(
  line: Line,
  before: HttpCheck | undefined,
  ledger: Ledger,
): HttpCheck | undefined {
  let check = before ?? standard
  const words = line.words
  for (let at = 2; at < words.length; at += 1) {
    const value = words[at + 1] ?? ''
    const drop = (count: number, reason: string): void => {
      ledger.drop(line, reason, { piece: words.slice(at, at + count).join(' ') })
    }
    switch (words[at]) {
      case 'meth':
        check = { ...check, method: value.toUpperCase() }
        break
      case 'uri':
        check = { ...check, path: value }
        break
      case 'hdr':
        check = withField(check, value, words[at + 2] ?? '')
        if (!mayBeSent(value)) drop(3, 'the check itself writes this header')
        at += 1
        break
      case 'ver':
        break
      case 'comment':
        break
      default:
        drop(2, 'a check sends no body, and nothing that is made up as it goes')
    }
    at += 1
  }
  return usable(check, line, ledger)
}

/** What a check may send of its own (`spec/values.ts`). */
const mayBeSent = (name: string): boolean =>
  name.toLowerCase() === 'host' || readers.fieldName?.(name).ok === true

function withField(check: HttpCheck, name: string, value: string): HttpCheck {
  if (name.toLowerCase() === 'host') return { ...check, host: value }
  return mayBeSent(name) ? { ...check, headers: { ...check.headers, [name]: value } } : check
}

function usable(check: HttpCheck, line: Line, ledger: Ledger): HttpCheck | undefined {
  const refuse = (reason: string): undefined =>
    ledger.drop(line, `${reason}; it only connects instead`)
  if (!methods.includes(check.method))
    return refuse(`a check cannot use the method ${check.method}`)
  if (check.path.includes('${'))
    return refuse('the path of a check is shown, and cannot be from the environment')
  if (!patterns.checkPath.test(check.path))
    return refuse(`a check cannot ask for \`${check.path}\``)
  if (check.host !== undefined && !patterns.checkHost.test(check.host)) {
    ledger.drop(line, 'it is no host', { piece: check.host })
    return { ...check, host: undefined }
  }
  return check
}

/** What passes: statuses, or a body with any status at all. */
export interface Expectation {
  readonly expect: readonly string[]
  readonly body: BodyExpectation | undefined
}

/** `http-check expect status 200-399`, `… string OK`: `undefined` is reported. */
export function readExpect(line: Line, ledger: Ledger): Expectation | undefined {
  const [kind, ...values] = withoutOptions(line.words.slice(2))
  const value = values.join('')
  const classes = kind === 'rstatus' ? classesOf(value) : undefined
  if (classes !== undefined) return { expect: classes, body: undefined }
  if (kind === 'status' && readStatuses(value).ok) {
    return { expect: value.split(','), body: undefined }
  }
  const body = bodyOf(kind, values)
  // HAProxy does not look at the status then.
  if (body !== undefined) return { expect: ['100-599'], body }
  ledger.drop(line, 'a check looks at the status or the body; 200 to 399 pass instead')
  return undefined
}

function bodyOf(kind: string | undefined, values: readonly string[]): BodyExpectation | undefined {
  const [first = '', second = ''] = values
  const isPlain = (text: string): boolean => text !== '' && !text.includes('${')
  if (kind === 'string' && isPlain(first)) return { contains: first }
  if (kind === '!' && first === 'string' && isPlain(second)) return { lacks: second }
  return kind === 'rstring' && isPlain(first) && readPattern(first).ok
    ? { matches: first }
    : undefined
}

/** The words without the options that say how the outcome is logged. */
function withoutOptions(words: readonly string[]): readonly string[] {
  const at = words.findIndex((word) => /^(status|rstatus|string|rstring|!|hdr|fhdr)$/.test(word))
  return at < 0 ? words : words.slice(at)
}

/** `^2`, `^[23]`, `^(2|3)`, `^[2-3][0-9][0-9]`: patterns that mean whole classes of statuses. */
function classesOf(pattern: string): readonly string[] | undefined {
  const rest = String.raw`(?:\d\d|\.\.|\.\*|\[0-9\]\[0-9\]|\[0-9\]\{2\})?\$?`
  const match = new RegExp(String.raw`^\^(?:([1-5])|\[([1-5-]+)\]|\(([1-5|]+)\))${rest}$`).exec(
    pattern,
  )
  if (match === null) return undefined
  const range = /^([1-5])-([1-5])$/.exec(match[2] ?? '')
  const [, first = '', last = ''] = range ?? []
  if (range !== null) return first <= last ? [`${first}00-${last}99`] : undefined
  const digits = [...(match[1] ?? match[2] ?? match[3] ?? '')].filter((one) => /[1-5]/.test(one))
  return match[2]?.includes('-') ? undefined : [...new Set(digits)].map((digit) => `${digit}xx`)
}
