// What clients and servers of databases say: startup messages, streams of messages, statements.

import { MyTalk } from '../../src/balancing/engines/native/sessions/my-talk.ts'
import { PgTalk } from '../../src/balancing/engines/native/sessions/pg-talk.ts'
import { commands } from '../../src/wire/mysql/answers.ts'
import { abilities } from '../../src/wire/mysql/greeting.ts'
import { packetOf } from '../../src/wire/mysql/packets.ts'
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

const packet = (sequence: number, ...body: readonly number[]): string =>
  packetOf(sequence, Buffer.from(body)).toString('latin1')
const text = (characters: string): readonly number[] => [...Buffer.from(characters, 'latin1')]

const greeting = packet(
  ...[0, 10, ...text('10.11.6\0'), 1, 0, 0, 0, ...text('saltsalt\0'), 0xff, 0xff, 8, 2, 0],
  ...[0xff, 0xc1, 21, ...new Array<number>(10).fill(0), ...text('saltsaltsalt\0')],
  ...text('mysql_native_password\0'),
)
const response = packet(
  ...[1, abilities.secureConnection & 0xff, abilities.secureConnection >> 8, 0, 0],
  ...[0, 0, 0, 1, 45, ...new Array<number>(23).fill(0), ...text('app\0'), 0, ...text('shop\0')],
)
const fine = (sequence: number): string => packet(sequence, 0, 0, 0, 2, 0, 0, 0)

/** A session that its server has let in. */
function letIn(): MyTalk {
  const talk = new MyTalk(() => undefined)
  for (const [who, said] of [
    ['serverSaid', greeting],
    ['clientSaid', response],
    ['serverSaid', fine(2)],
  ] as const) {
    talk[who](Buffer.from(said, 'latin1'), 0, said.length)
  }
  promise(talk.stands, 'a session does not stand that was let in')
  return talk
}

/** Both sides in one text: each input is said by the client, and by the server, of a session. */
const packets: Target = {
  name: 'mysql-packets',
  seeds: [
    greeting + response + fine(2),
    packet(0, commands.query, ...text('SELECT 1')) + packet(0, commands.quit),
    packet(1, 1) + packet(2, 3, ...text('def')) + packet(3, 0xfe, 0, 0, 2, 0) + packet(4, 1, 49),
    packet(1, 0, 1, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0) + packet(1, 0xff, 0x48, 4, ...text('#08S01no')),
    packet(0, commands.prepare, ...text('SELECT 1')) + packet(1, 0),
    packet(1, 0xfb, ...text('file')) + packet(2, ...text('rows')) + packet(3),
  ],
  words: ['\0\0\0', '\xff\xff\xff', '\x01\0\0\0', '\xfb', '\xfc', '\xfd', '\xfe', '\xff', '#'],
  share: 1,
  check(input, random) {
    // From its first byte, and once a session stands.
    const [early, begun] = [new MyTalk(() => undefined), letIn()]
    for (const talk of [early, begun]) {
      for (const part of pieces(input, cuts(input.length, random))) {
        talk.clientSaid(part, 0, part.length)
        for (let at = 0; at < part.length; ) at = talk.serverSaid(part, at, part.length)
        talk.unasked(part)
      }
    }
    return `${early.stands} ${early.boundBy} ${begun.rests} ${begun.boundBy}`
  },
}

/** See the first line. */
export const databaseTargets: readonly Target[] = [startups, streams, statements, packets]
