// Which hosts and paths does a condition of HAProxy stand for (configuration manual, section 7)?
// Routes know a host and a prefix of whole segments of the path; what looks at more is beyond.

import { patterns } from '../../values.ts'
import type { Acl, Condition, Line, Match } from './model.ts'

const beyond = (reason: string): Condition => ({ kind: 'beyond', reason })
const anyOf = (matches: readonly Match[], notes: readonly string[] = []): Condition => ({
  kind: 'any-of',
  matches,
  notes,
})

const always = anyOf([{ host: undefined, path: undefined }])
const alternativesMost = 64

/** An `acl NAME CRITERION …` line; `isEncrypted` tells what `ssl_fc` comes to. */
export const readAcl = (line: Line, isEncrypted: boolean): Acl => ({
  line,
  name: line.words[1] ?? '',
  condition: readTest(line.words.slice(2), isEncrypted),
})

/** Remarks on routes that take less than the condition. */
const narrowing = {
  case: 'letters count as they are written, large or small',
  segments: 'a prefix of whole segments',
  beginning: 'only where the path begins with it',
  domain: 'the host itself and names below it, not the name in the middle of another',
  ending: 'the host itself and names below it; HAProxy also takes any name that ends so',
} as const
const narrowings = new Set<string>(Object.values(narrowing))

/** Whether its routes would miss something that the condition takes: nothing to refuse by. */
export const missesSome = (condition: Condition): boolean =>
  condition.kind !== 'beyond' && condition.notes.some((note) => narrowings.has(note))

/** The condition of the words after `if` or `unless`. */
export function readCondition(
  words: readonly string[],
  acls: readonly Acl[],
  isEncrypted: boolean,
): Condition {
  const [keyword, ...terms] = words
  if (keyword === undefined) return anyOf([{ host: undefined, path: undefined }])
  if (keyword !== 'if' && keyword !== 'unless') return beyond(`\`${keyword}\` is no condition`)
  const condition = readAlternatives(terms, acls, isEncrypted)
  return keyword === 'if' ? condition : negate(condition)
}

function readAlternatives(
  words: readonly string[],
  acls: readonly Acl[],
  isEncrypted: boolean,
): Condition {
  const alternatives: Condition[] = []
  let all: Condition = anyOf([{ host: undefined, path: undefined }])
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    if (word === 'or' || word === '||') {
      alternatives.push(all)
      all = anyOf([{ host: undefined, path: undefined }])
      continue
    }
    const isNegated = word.startsWith('!')
    // The mark of negation may stand alone: `! { path /a }`.
    if (word === '!') at += 1
    const plain = word === '!' ? (words[at] ?? '') : word.replace(/^!/, '')
    let one: Condition
    if (plain === '{') {
      const end = words.indexOf('}', at)
      if (end < 0) return beyond('a brace is not closed')
      one = readTest(words.slice(at + 1, end), isEncrypted)
      at = end
    } else {
      one = namedAcl(plain, acls)
    }
    all = both(all, isNegated ? negate(one) : one)
  }
  return [...alternatives, all].reduce(either)
}

function namedAcl(name: string, acls: readonly Acl[]): Condition {
  const lines = acls.filter((acl) => acl.name === name)
  if (lines.length > 0) return lines.map((acl) => acl.condition).reduce(either)
  if (name === 'TRUE') return anyOf([{ host: undefined, path: undefined }])
  if (name === 'FALSE') return anyOf([])
  if (name === 'HTTP_URL_SLASH') return anyOf([{ host: undefined, path: '/' }])
  return beyond(`routes cannot look at \`${name}\``)
}

const negate = (one: Condition): Condition => {
  if (one.kind === 'beyond') return one
  if (isNever(one)) return always
  if (isAlways(one)) return anyOf([])
  return { ...one, kind: one.kind === 'any-of' ? 'none-of' : 'any-of' }
}

function either(a: Condition, b: Condition): Condition {
  if (isAlways(a) || isNever(b)) return a
  if (isAlways(b) || isNever(a)) return b
  if (a.kind === 'beyond') return a
  if (b.kind === 'beyond') return b
  if (a.kind !== b.kind || a.kind === 'none-of')
    return beyond('routes cannot say “not this, or that”')
  return anyOf([...a.matches, ...b.matches], [...a.notes, ...b.notes])
}

/** Whether it takes nothing at all. */
export const isNever = (one: Condition): boolean =>
  one.kind === 'any-of' && one.matches.length === 0

/** Whether it takes everything. */
export const isAlways = (one: Condition): boolean =>
  one.kind === 'any-of' &&
  one.matches.some((match) => match.host === undefined && match.path === undefined)

function both(a: Condition, b: Condition): Condition {
  if (isNever(a) || isNever(b)) return anyOf([])
  if (a.kind === 'beyond') return a
  if (b.kind === 'beyond') return b
  if (isAlways(a)) return b
  if (isAlways(b)) return a
  if (a.kind === 'none-of' || b.kind === 'none-of')
    return beyond('routes cannot say “this, but not that”')
  const matches = a.matches.flatMap((one) => b.matches.flatMap((other) => meet(one, other)))
  if (matches.length > alternativesMost) return beyond('it has too many alternatives')
  return anyOf(matches, [...a.notes, ...b.notes])
}

/** What both matches take; nothing if they exclude each other. */
function meet(a: Match, b: Match): readonly Match[] {
  const host = narrower(a.host, b.host, hostCovers)
  const path = narrower(a.path, b.path, pathCovers)
  return host === false || path === false ? [] : [{ host, path }]
}

function narrower(
  a: string | undefined,
  b: string | undefined,
  covers: (wide: string, narrow: string) => boolean,
): string | undefined | false {
  if (a === undefined || b === undefined) return a ?? b
  if (covers(a, b)) return b
  return covers(b, a) ? a : false
}

const hostCovers = (wide: string, narrow: string): boolean =>
  wide === narrow || (wide.startsWith('*.') && narrow.endsWith(wide.slice(1)))
const pathCovers = (wide: string, narrow: string): boolean =>
  wide === narrow || wide === '/' || narrow.startsWith(`${wide}/`)

interface Test {
  readonly fetch: string
  readonly method: string
  readonly values: readonly string[]
  readonly ignoresCase: boolean
}

function readTest(words: readonly string[], isEncrypted: boolean): Condition {
  const [criterion = '', ...rest] = words
  if (criterion === 'ssl_fc' && rest.length === 0) return isEncrypted ? always : anyOf([])
  const test = readFlags(criterion, rest)
  if (typeof test === 'string') return beyond(test)
  if (test.values.some((value) => value.includes('${'))) {
    return beyond('its value comes from the environment')
  }
  if (test.values.length === 0) return beyond(`\`${criterion}\` looks for no value`)
  if (test.fetch === 'host') return test.values.map((value) => hostTest(test, value)).reduce(either)
  if (test.fetch === 'path') return test.values.map((value) => pathTest(test, value)).reduce(either)
  return beyond(`routes look at host and path, not at \`${criterion}\``)
}

const suffixes = '(?:_(beg|dir|dom|end|reg|sub|len|cnt|ip))?'
const converterList = String.raw`((?:,[a-z_]+(?:\([^)]*\))?)*)`
const hostFetch = new RegExp(
  String.raw`^(?:req\.)?f?hdr${suffixes}\(host(?:,-?\d+)?\)${converterList}$`,
  'i',
)
const pathFetch = new RegExp(`^(?:path|url)${suffixes}${converterList}$`)
/** Converters that change nothing for us: hosts have neither case nor port. */
const plainConverters = /^(,lower|,host_only|,field\(1,:\)|,word\(1,:\))*$/

function readFlags(criterion: string, rest: readonly string[]): Test | string {
  const host = hostFetch.exec(criterion)
  const path = host === null ? pathFetch.exec(criterion) : null
  const found = host ?? path
  if (found === null) return `routes look at host and path, not at \`${criterion}\``
  const [, suffix = 'str', converters = ''] = found
  if (!plainConverters.test(converters))
    return `routes know nothing like \`${converters.slice(1)}\``
  let method = suffix
  let ignoresCase = converters.includes(',lower')
  let at = 0
  for (; at < rest.length; at += 1) {
    const flag = rest[at] ?? ''
    if (flag === '-i') ignoresCase = true
    else if (flag === '-m') {
      at += 1
      method = rest[at] ?? ''
    } else if (flag === '-n') continue
    else if (flag === '-f' || flag === '-M') return 'its values are in a file of their own'
    else if (flag === '--') {
      at += 1
      break
    } else break
  }
  return { fetch: host === null ? 'path' : 'host', method, values: rest.slice(at), ignoresCase }
}

function hostTest(test: Test, value: string): Condition {
  const name = value.toLowerCase().replace(/:\d+$/, '')
  const notes = name === value.toLowerCase() ? [] : ['the port is not part of a host']
  const host = (text: string): Match => ({ host: text, path: undefined })
  const inner = name.replace(/^\./, '')
  if (!patterns.host.test(inner) || inner.startsWith('*')) return beyond(`\`${value}\` is no host`)
  switch (test.method) {
    case 'str':
      return anyOf(
        [host(name)].filter(() => inner === name),
        notes,
      )
    case 'dom':
      return anyOf([host(inner), host(`*.${inner}`)], [...notes, narrowing.domain])
    case 'end':
      if (name.startsWith('.')) return anyOf([host(`*.${inner}`)], notes)
      return anyOf([host(inner), host(`*.${inner}`)], [...notes, narrowing.ending])
    default:
      return beyond(`routes take whole hosts, or every name below one, not \`${test.method}\``)
  }
}

function pathTest(test: Test, value: string): Condition {
  const notes = test.ignoresCase ? [narrowing.case] : []
  const path = (text: string, ...more: string[]): Condition =>
    patterns.path.test(text)
      ? anyOf([{ host: undefined, path: text.replace(/(?<=.)\/+$/, '') }], [...notes, ...more])
      : beyond(`\`${text}\` is no path that a route can have`)
  switch (test.method) {
    case 'beg':
      if (value === '/') return path('/')
      return value.endsWith('/')
        ? path(value, 'the path without its last slash is taken too')
        : path(value, narrowing.segments)
    case 'dir':
      return path(`/${value.replace(/^\/+|\/+$/g, '')}`, narrowing.beginning)
    case 'str':
      if (value === '/') return beyond('routes take everything below a path, and below `/` is all')
      return path(value, 'what is below the path is taken too')
    case 'reg':
      return regexTest(value, path)
    default:
      return beyond(`routes look at how a path begins, not at \`${test.method}\``)
  }
}

/** `^/api`, `^/api/`, `^/api(/|$)`, `^/api/.*`: patterns that only say how a path begins. */
function regexTest(
  value: string,
  path: (text: string, ...notes: string[]) => Condition,
): Condition {
  const stem = /^\^((?:\/[A-Za-z0-9_~-]+)+)(?:\/?(?:\.\*)?\$?|\(\/\|\$\)|\/?\(\.\*\)\$?)$/.exec(
    value,
  )?.[1]
  const isExact = value.endsWith('$') && !/\.\*|\(/.test(value)
  if (stem === undefined || isExact) {
    return beyond(`routes have no patterns like \`${value}\``)
  }
  // `^/api(/|$)` is what a route takes; `^/api` also takes `/apis`.
  if (value.endsWith('(/|$)')) return path(stem)
  return path(stem, narrowing.segments)
}
