// What clients and servers of databases say: startup messages, streams of messages, statements.

import { PgTalk } from '../../src/balancing/engines/native/sessions/pg-talk.ts'
import { fatalError, readError } from '../../src/wire/postgresql/fields.ts'
import { MessageScanner, messageOf } from '../../src/wire/postgresql/messages.ts'
import { readStartup } from '../../src/wire/postgresql/startup.ts'
import { traceOf } from '../../src/wire/postgresql/statements.ts'
import { cuts, pieces, promise, same, type Target } from './target.ts'

const message = (type: string, body: string): string =>
  messageOf(type.charCodeAt(0), Buffer.from(body, 'latin1')).toString('latin1')

const startups: Target = {
  name: 'postgresql-startup',
  seeds: [
    '\0\0\0\x12\0\x03\0\0user\0app\0\0',
    '\0\0\0\x08\x04\xd2\x16\x2f',
    '\0\0\0\x10\x04\xd2\x16\x2epppp0001',
  ],
  words: ['user\0', 'replication\0', '\0\0', '\0\x03\0\0', '\0\0\x27\x10', '\x04\xd2\x16\x2e'],
  share: 1,
  check(input, random) {
    const whole = readStartup(input, input.length)
    for (const cut of cuts(input.length, random)) {
      const beginning = readStartup(input, cut)
      if (beginning.kind !== 'incomplete') same(beginning, whole, `cut at ${cut}`)
    }
    if ('end' in whole) promise(whole.end <= input.length, 'it ends beyond the end')
    return whole.kind === 'bad' ? whole.why : whole.kind
  },
}

const wanted = [
  [0x51, 20],
  [0x5a, 1],
  [0x45, 0],
] as const

function scan(parts: readonly Buffer[]): readonly unknown[] {
  const heard: unknown[] = []
  const scanner = new MessageScanner(wanted, (type, bytes, start, end, whole) => {
    promise(end - start <= 20, 'it keeps more than was wanted')
    heard.push([type, bytes.toString('latin1', start, end), whole])
    return false
  })
  for (const part of parts) scanner.push(part, 0, part.length)
  return [...heard, scanner.isLost || scanner.isBetween]
}

const streams: Target = {
  name: 'postgresql-messages',
  seeds: [
    message('Q', 'SELECT 1\0') + message('X', ''),
    message('P', 's\0SELECT 1\0\0\0') + message('B', '\0s\0\0\0\0\0\0\0') + message('S', ''),
    message('T', 'row') + message('D', 'a row') + message('C', 'SELECT 1\0') + message('Z', 'I'),
    fatalError('57P01', 'gone').toString('latin1') + message('1', ''),
  ],
  words: ['\0\0\0\x04', '\0\0\0\x05', '\xff\xff\xff\xff', '\0\0\0\0', 'Q', 'Z', 'E', 'SFATAL\0'],
  share: 1,
  check(input, random) {
    const whole = scan([input])
    same(scan(pieces(input, cuts(input.length, random))), whole, 'it matters where it is cut')
    readError(input)
    const talk = new PgTalk({ password: () => undefined, offersTls: false })
    for (const part of pieces(input, cuts(input.length, random))) {
      talk.clientSaid(part, 0, part.length)
      for (let at = 0; at < part.length; ) at = talk.serverSaid(part, at, part.length)
      talk.unasked(part)
    }
    return `${whole.length} ${talk.stands} ${talk.rests} ${talk.boundBy}`
  },
}

const statements: Target = {
  name: 'postgresql-statements',
  seeds: [
    'SELECT 1; SET a = 1',
    "INSERT INTO x VALUES ('set', E'\\'', $$ listen $$) -- temp",
    'CREATE TEMP TABLE x (id int)',
  ],
  words: [
    'set ',
    'listen ',
    "'",
    '"',
    '$$',
    '$a$',
    '/*',
    '*/',
    '--',
    '\n',
    ';',
    "E'",
    '\\',
    'temp ',
  ],
  share: 1,
  check(input) {
    const trace = traceOf(input.toString('latin1'))
    return trace.kind === 'state' ? trace.what : trace.kind
  },
}

/** See the first line. */
export const databaseTargets: readonly Target[] = [startups, streams, statements]
