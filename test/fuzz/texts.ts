// What comes in as text: the file, HAProxy's file, values in them, answers to checks, what is kept.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseState } from '../../src/agent/store.ts'
import { parseStat } from '../../src/control/processes.ts'
import { parseConnectString } from '../../src/coordination/client/hosts.ts'
import { addressBytes, addressText, parseNetwork } from '../../src/foundation/addresses.ts'
import { Fault } from '../../src/foundation/fault.ts'
import { parseDuration } from '../../src/foundation/time.ts'
import { readAgentLine } from '../../src/health/agent-words.ts'
import type { Check } from '../../src/health/model.ts'
import { healthRequest, healthStatus } from '../../src/health/probes/grpc.ts'
import { readHead } from '../../src/health/probes/head.ts'
import { HttpAnswer } from '../../src/health/probes/http-answer.ts'
import { parseHaproxy } from '../../src/spec/import/haproxy/parse.ts'
import { parseSpec } from '../../src/spec/parse.ts'
import { readers } from '../../src/spec/values.ts'
import { cuts, pieces, promise, same, type Target } from './target.ts'
import { orFault } from './wire.ts'

const root = join(import.meta.dirname, '..', '..')
const read = (...parts: readonly string[]): string =>
  readFileSync(join(root, ...parts)).toString('latin1')

/** Texts come as UTF-8, as a file is read. */
const textOf = (input: Buffer): string => input.toString('utf8')

const noFile = (path: string): string => {
  throw new Fault('not-found', `there is no ${path}`)
}

const placesHold = (
  text: string,
  problems: readonly { readonly place: { readonly line: number; readonly column: number } }[],
): void => {
  const lines = text.split(/\r\n|\n|\r/).length
  for (const { place } of problems) {
    promise(place.line >= 1 && place.line <= lines + 1, `line ${place.line} of ${lines}`)
    promise(place.column >= 1, `column ${place.column}`)
  }
}

const keys = [
  ...['name: x\n', 'services:\n', '  web:\n', '    run: a b\n', '    replicas: 3\n', 'check: /h\n'],
  ...[
    'frontends:\n',
    '  public: { bind: ":80", to: web }\n',
    'servers: [a:1, b:2]\n',
    'env: {A: 1}',
  ],
  ...[
    '${env.X}',
    '${services.web.port}',
    '&a ',
    '*a',
    '!!binary ',
    '? ',
    '- ',
    '|\n',
    '>-\n',
    '<<: ',
  ],
  ...['%YAML 1.2\n', '---\n', '...\n', '{', '}', '[', ']', '"', "'", '#', 'null', '~', '.inf'],
  ...['balance: leastconn\n', 'hold: { wait: 10s }\n', 'routes: [{ path: /a, to: web }]\n'],
  ...[
    'machines: { a: 10.0.0.1 }\n',
    'coordination: managed\n',
    'tls: {}\n',
    'proxy_protocol: v2\n',
  ],
] as const

const spec: Target = {
  name: 'spec',
  seeds: [
    read('examples', 'shop', 'alwayson.yaml'),
    'services: { web: { run: node a.js, replicas: 2, check: /h } }\n' +
      'frontends: { public: { bind: ":8080", to: web } }\n',
    '{"services":{"a":{"servers":["h:1","[::1]:2"],"check":{"tcp":true,"every":"1s"}}},' +
      '"frontends":{"f":{"bind":"127.0.0.1:1","mode":"tcp","to":"a"}}}',
  ],
  words: keys,
  share: 0.1,
  check(input) {
    const text = textOf(input)
    const parse = () =>
      parseSpec({ text, file: 'f.yaml', env: { X: 'secret' }, cores: 2, readFile: noFile })
    const parsed = parse()
    if (parsed.kind === 'problems') {
      promise(parsed.problems.length > 0, 'refused without a reason')
      placesHold(text, parsed.problems)
      return `problems ${(parsed.problems[0]?.message ?? '').replace(/[^ a-z]+/g, '').slice(0, 30)}`
    }
    same(parse(), parsed, 'read twice it is not the same')
    return parsed.kind
  },
}

const directives = [
  ...[
    'global\n',
    'defaults\n',
    'frontend f\n',
    'backend b\n',
    'listen l\n',
    '  mode tcp\n',
    ' bind *:80\n',
  ],
  ...['  server a 1.2.3.4:80 check inter 2s\n', '  balance leastconn\n', '  acl x path_beg /a\n'],
  ...[
    '  use_backend b if x\n',
    '  default_backend b\n',
    '  option httpchk GET /\n',
    ' timeout connect 1s\n',
  ],
  ...[
    '  http-request deny if x\n',
    ' errorfile 503 /e\n',
    ' http-check expect status 200\n',
    '\\\n',
    '#',
  ],
  ...['"', "'", '\\ ', '"${X}"', ' unless ', ' or ', ' !x', ' { path / }', ' ssl crt /a', ' no '],
] as const

const haproxy: Target = {
  name: 'haproxy',
  seeds: [
    read('examples', 'tutorial-haproxy', 'haproxy.cfg'),
    ...['one-of-everything', 'tls', 'checks', 'conditions-that-need-order', 'quoting'].map((name) =>
      read('test', 'fixtures', 'haproxy', `${name}.cfg`),
    ),
  ],
  words: directives,
  share: 0.1,
  check(input) {
    const text = textOf(input)
    const { parsed, imported } = parseHaproxy({ path: 'f.cfg', text }, {}, 2, noFile)
    const lines = text.split('\n').length
    for (const { line } of imported.notCarried) promise(line >= 1 && line <= lines, `line ${line}`)
    return `${parsed.kind} ${imported.notCarried.length > 0} ${imported.yaml === undefined}`
  },
}

const values: Target = {
  name: 'values',
  seeds: [
    '1500ms',
    '2h',
    '64KiB',
    ':80',
    '[::1]:443',
    'a:1, b:2',
    '/a/b',
    '200-299,301',
    '10.0.0.0/8',
  ],
  words: ['ms', 's', 'KiB', ':', '[', ']', '.', '/', '-', ',', '::', '1', '99999', '*', '%'],
  share: 1,
  check(input) {
    const text = textOf(input)
    const outcomes = Object.values(readers).map((reader) => {
      const reading = reader(text)
      return 'value' in reading ? 1 : 0
    })
    parseDuration(text)
    parseNetwork(text)
    const bytes = addressBytes(text)
    if (bytes !== undefined) {
      same([...(addressBytes(addressText(bytes)) ?? [])], [...bytes], 'another address')
    }
    const hosts = orFault(() => parseConnectString(text))
    return `${outcomes.join('')} ${bytes?.length} ${typeof hosts}`
  },
}

const heads = [
  'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 503 No\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
]

const bodyCheck = {
  ...{ kind: 'http', path: '/', expect: [[200, 399]], method: 'GET', host: undefined },
  body: { contains: 'od', lacks: 'no', matches: undefined },
} as unknown as Extract<Check, { kind: 'http' }>

const checked = (parts: readonly Buffer[], check: Extract<Check, { kind: 'http' }>): unknown => {
  let settled: unknown
  let times = 0
  const answer = new HttpAnswer(check, {
    report(outcome) {
      settled = outcome
      times += 1
    },
  })
  for (const part of parts) answer.take(part.toString('latin1'))
  answer.ended()
  promise(times <= 1, 'it was settled twice')
  return settled
}

const checkAnswer: Target = {
  name: 'check-answer',
  seeds: heads,
  words: [
    'HTTP/1.1 ',
    '200',
    '\r\n\r\n',
    'Content-Length: 4\r\n',
    '0\r\n\r\n',
    'chunked',
    '1xx',
    '\r\n',
  ],
  share: 0.5,
  check(input, random) {
    const places = cuts(input.length, random)
    const text = input.toString('latin1')
    const head = readHead(text)
    for (const cut of places) {
      const beginning = readHead(text.slice(0, cut))
      if (beginning.kind !== 'incomplete') same(beginning.kind, head.kind, `cut at ${cut}`)
    }
    const whole = checked([input], bodyCheck)
    const cut = checked(pieces(input, places), bodyCheck)
    const kindOf = (outcome: unknown): unknown => (outcome as { kind?: string } | undefined)?.kind
    same(kindOf(cut), kindOf(whole), 'it matters where it is cut')
    return `${head.kind} ${JSON.stringify(whole)?.replace(/\d+/g, 'n').slice(0, 60)}`
  },
}

const words: Target = {
  name: 'agent-words',
  seeds: [
    'up ready 75%\n',
    'down # broken',
    'maxconn:30, drain',
    healthRequest('x').toString('latin1'),
  ],
  words: [
    'up',
    'down',
    'fail',
    'maint',
    '100%',
    'maxconn:',
    '#',
    ',',
    ' ',
    '\t',
    '\0\0\0\0\x02\x08\x01',
  ],
  share: 1,
  check(input) {
    const report = readAgentLine(input.toString('latin1'))
    const status = healthStatus(input)
    promise(status === undefined || Number.isInteger(status), `a status of ${status}`)
    return `${Object.keys(report ?? {}).join(' ')} ${status === undefined}`
  },
}

const kept: Target = {
  name: 'kept',
  seeds: [
    JSON.stringify({ format: 1, state: { services: {}, drained: [], up: [], table: 3 } }),
    read('package.json').slice(0, 300),
    '4711 (a b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 317947 20',
  ],
  words: ['"format":1', 'null', '{}', '[]', '"state":', '1.5', '-1', ')', ' S '],
  share: 1,
  check(input) {
    const text = textOf(input)
    const state = orFault(() => parseState(text, 'state.json'))
    const stat = parseStat(text)
    return `${typeof state} ${stat === undefined}`
  },
}

/** See the first line. */
export const textTargets: readonly Target[] = [spec, haproxy, values, checkAnswer, words, kept]
