// What does a proxy say that its `defaults` may have said before it (configuration manual, section
// 4.1)? Modes, policies, limits, time-outs, checks, error pages.

import { readBalance, readHashBound, readHashType } from './balance.ts'
import { readExpect, readHttpCheck, readHttpCheckSend } from './checks.ts'
import { readCookie } from './cookie.ts'
import type { Ledger } from './ledger.ts'
import type { Line, Settings } from './model.ts'
import { plainServer, readServerOptions } from './servers.ts'
import { readCount, readTime } from './values.ts'
import { plainWatching, watchingReaders } from './watching.ts'

/** HAProxy's own defaults: it is in TCP mode unless the configuration says otherwise. */
export const plainSettings: Settings = {
  mode: 'tcp',
  balance: undefined,
  hashBound: undefined,
  cookie: undefined,
  maxConnections: undefined,
  timeouts: {},
  httpCheck: undefined,
  choosesByAnswer: false,
  expect: undefined,
  body: undefined,
  errorFiles: {},
  server: plainServer,
  watching: plainWatching,
  defaultBackend: undefined,
}

type Change = Partial<Settings>
/** Reads one line; an empty change means that it was reported as not carried over. */
type Read = (line: Line, before: Settings, ledger: Ledger) => Change

const nothing: Change = {}

const readers: Readonly<Record<string, Read>> = {
  ...watchingReaders,
  mode: readMode,
  balance: readBalance,
  'hash-balance-factor': readHashBound,
  'hash-type': readHashType,
  cookie: readCookie,
  maxconn: readMaxConnections,
  timeout: readTimeout,
  contimeout: (line, before, ledger) => oldTimeout('connect', line, before, ledger),
  clitimeout: (line, before, ledger) => oldTimeout('client', line, before, ledger),
  srvtimeout: (line, before, ledger) => oldTimeout('server', line, before, ledger),
  'option httpchk': readOptionHttpCheck,
  'no option httpchk': (line, _before, ledger) => {
    ledger.carry(line)
    return { httpCheck: undefined }
  },
  'tcp-check expect': readTcpExpect,
  'http-check send': readSend,
  'http-check expect': readExpected,
  errorfile: readErrorFile,
  'default-server': readDefaultServer,
  default_backend: (line, _before, ledger) => {
    ledger.carry(line)
    return { defaultBackend: { value: line.words[1] ?? '', line } }
  },
}

/** What a line changes; `undefined` if it is none of these. */
export function readSetting(line: Line, before: Settings, ledger: Ledger): Change | undefined {
  const { words } = line
  for (const count of [3, 2, 1]) {
    const keyword = words.slice(0, count).join(' ')
    if (Object.hasOwn(readers, keyword)) return readers[keyword]?.(line, before, ledger)
  }
  return undefined
}

function readMode(line: Line, _before: Settings, ledger: Ledger): Change {
  const mode = line.words[1]
  if (mode === 'http' || mode === 'tcp') {
    ledger.carry(line)
    return { mode }
  }
  ledger.drop(line, 'there are two modes: http and tcp')
  return nothing
}

function readMaxConnections(line: Line, _before: Settings, ledger: Ledger): Change {
  const value = readCount(line.words[1], 0, 10_000_000)
  if (value === undefined || value === 0) {
    ledger.drop(line, 'Always On’s own limit takes its place')
    return nothing
  }
  ledger.carry(line)
  return { maxConnections: { value, line } }
}

/** The time-outs that have a place in our file. */
const placed = new Set([
  'connect',
  'server',
  'client',
  'http-request',
  'http-keep-alive',
  'queue',
  'check',
  'tunnel',
])

const unplaced: Readonly<Record<string, string>> = {
  'client-fin': 'half-closed connections are closed after `idle`, like any other',
  'server-fin': 'half-closed connections are closed after `response`',
  tarpit: 'nobody is kept waiting on purpose',
}

function readTimeout(line: Line, before: Settings, ledger: Ledger): Change {
  return timeout(line.words[1] ?? '', line.words[2], line, before, ledger)
}

const oldTimeout = (name: string, line: Line, before: Settings, ledger: Ledger): Change =>
  timeout(name, line.words[1], line, before, ledger)

function timeout(
  name: string,
  word: string | undefined,
  line: Line,
  before: Settings,
  ledger: Ledger,
): Change {
  if (!placed.has(name)) {
    ledger.drop(line, unplaced[name] ?? 'there is no such time-out')
    return nothing
  }
  const value = readTime(word)
  if (value === undefined || value === 0) {
    ledger.drop(line, 'every wait is bounded: Always On’s own time-out takes its place')
    return nothing
  }
  ledger.carry(line, name === 'queue' ? 'it also bounds the wait while no server is up' : undefined)
  return { timeouts: { ...before.timeouts, [name]: { value, line } } }
}

function readOptionHttpCheck(line: Line, _before: Settings, ledger: Ledger): Change {
  const httpCheck = readHttpCheck(line, ledger)
  if (httpCheck !== undefined) ledger.carry(line)
  return { httpCheck }
}

function readSend(line: Line, before: Settings, ledger: Ledger): Change {
  if (before.httpCheck === undefined) {
    ledger.drop(line, 'it means nothing without `option httpchk`')
    return nothing
  }
  const httpCheck = readHttpCheckSend(line, before.httpCheck, ledger)
  if (httpCheck !== undefined) ledger.carry(line)
  return { httpCheck }
}

function readExpected(line: Line, _before: Settings, ledger: Ledger): Change {
  const change = readExpect(line, ledger)
  if (change === undefined) return nothing
  ledger.carry(line)
  return change
}

/** Answers that any living server gives. */
const isGreeting = (words: readonly string[]): boolean =>
  /^(\+?(PONG|OK)|\*|220.*|SSH-.*)$/.test(words.at(-1) ?? '')

function readTcpExpect(line: Line, before: Settings, ledger: Ledger): Change {
  ledger.drop(line, 'the check only connects: what the server says is not looked at')
  return { choosesByAnswer: before.choosesByAnswer || !isGreeting(line.words) }
}

function readErrorFile(line: Line, before: Settings, ledger: Ledger): Change {
  const [, status = '', path = ''] = line.words
  if (!/^[45]\d\d$/.test(status)) {
    ledger.drop(line, 'there are pages for the statuses from 400 to 599')
    return nothing
  }
  return { errorFiles: { ...before.errorFiles, [status]: { value: path, line } } }
}

function readDefaultServer(line: Line, before: Settings, ledger: Ledger): Change {
  const { options, obstacle } = readServerOptions(line, 1, before.server, ledger)
  if (obstacle !== undefined) {
    ledger.drop(line, obstacle)
    return nothing
  }
  ledger.carry(line)
  return { server: options }
}
