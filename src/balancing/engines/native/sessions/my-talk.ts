// One client's conversation with MySQL or MariaDB, followed packet by packet without being held.

import {
  AnswerFollower,
  commands,
  expectedFor,
  statusFlags,
} from '../../../../wire/mysql/answers.ts'
import {
  abilities,
  type Response,
  readResponse,
  tameGreeting,
  underTls,
} from '../../../../wire/mysql/greeting.ts'
import {
  errorCode,
  errorPacket,
  PacketScanner,
  packetOf,
  Renumbering,
} from '../../../../wire/mysql/packets.ts'
import { traceOf } from '../../../../wire/mysql/statements.ts'
import { type Reading, SessionMemory } from './memory.ts'
import { MyLogin } from './my-login.ts'
import type { Ask, Farewell, Login, Talk, Unasked } from './talk.ts'

const reading: Reading = {
  traceOf,
  isPlain: () => true,
  settingOf: () => undefined,
  isRole: () => false,
}

/** So much of a query is looked at; a longer one binds its session to its server. */
const textMost = 64 * 1024
/** Of what a server says, this is enough to know how it goes on. */
const answerMost = 64
/** A server that lets nobody in any more: its `init_connect` fails. */
const newAborting = 1184

const farewells: Readonly<Record<Farewell, readonly [code: number, state: string, text: string]>> =
  {
    moved: [1053, '08S01', 'the server of this session is being replaced: connect again'],
    lost: [1053, '08S01', 'the server was lost: whether what was under way is done is not known'],
    nobody: [1040, '08004', 'no server that could take this session came in time: try again later'],
  }

export class MyTalk implements Talk {
  readonly beginning = undefined
  readonly leavesForAll = true
  readonly cancelKey = undefined
  readonly serverKey = undefined
  readonly goodbye = packetOf(0, Buffer.from([commands.quit]))
  readonly #passwordOf: (user: string) => string | undefined
  #client = this.#listenToClient()
  #server = this.#listen()
  readonly #memory = new SessionMemory(reading)
  readonly #answer = new AnswerFollower()
  #response: Response | undefined
  #isGreeted = false
  /** Commands that are not answered to the end, in order. */
  readonly #asked: number[] = []
  #sendsFile = false
  #sequence = 0
  #isLost = false
  stands = false
  isOver = false
  /** While the client logs in, and TLS was asked for on its behalf, its server counts one more. */
  #shift: { readonly up: Renumbering; readonly down: Renumbering } | undefined
  readonly asksForTls: Ask = {
    kind: 'with-response',
    read: underTls,
    secured: () => {
      if (!this.stands) this.#shift = { up: new Renumbering(1), down: new Renumbering(-1) }
    },
  }

  constructor(passwordOf: (user: string) => string | undefined) {
    this.#passwordOf = passwordOf
  }

  #listenToClient(): PacketScanner {
    return new PacketScanner(textMost, (sequence, length, bytes, start, end) =>
      this.#hearClient(sequence, length, bytes, start, end),
    )
  }

  #listen(): PacketScanner {
    return new PacketScanner(answerMost, (sequence, length, bytes, start, end) =>
      this.#hearServer(sequence, length, bytes, start, end),
    )
  }

  clientSaid(bytes: Buffer, start: number, end: number): void {
    if (!this.stands) this.#shift?.up.apply(bytes, start, end)
    this.#client.push(bytes, start, end)
  }

  serverSaid(bytes: Buffer, start: number, end: number): number {
    if (!this.stands) this.#shift?.down.apply(bytes, start, end)
    if (!this.#isGreeted) {
      this.#isGreeted = true
      tameGreeting(bytes, start + 4, end)
    }
    return this.#server.push(bytes, start, end)
  }

  #hearClient(
    sequence: number,
    length: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): boolean {
    if (!this.stands) {
      if (this.#response === undefined) this.#respond(Buffer.from(bytes.subarray(start, end)))
    } else if (this.#sendsFile) {
      this.#sendsFile = length > 0
    } else if (sequence !== 0) {
      this.#isLost = true
    } else this.#command(bytes[start] ?? 0, length, bytes, start, end)
    return false
  }

  #respond(payload: Buffer): void {
    this.#response = readResponse(payload)
    if (this.#response === undefined) this.#isLost = true
    else this.#answer.deprecatesEof = (this.#response.abilities & abilities.deprecateEof) !== 0
  }

  #command(command: number, length: number, bytes: Buffer, start: number, end: number): void {
    const expected = expectedFor(command)
    if (command === commands.quit) this.isOver = true
    if (expected === 'nothing') return
    if (expected === undefined) {
      this.#isLost = true
      return
    }
    if (command === commands.prepare) this.#memory.bind('a prepared statement')
    const isAlone = this.#asked.length === 0 && !this.#isInTransaction
    if (command === commands.query || command === commands.useDatabase) {
      const isWhole = end - start === length
      const said = isWhole ? bytes.toString('utf8', start + 1, end) : undefined
      const isUse = command === commands.useDatabase
      const text = isUse && said !== undefined ? `USE \`${said.replaceAll('`', '``')}\`` : said
      this.#memory.query(text, isAlone)
    } else if (command === commands.reset || command === commands.setOption) {
      this.#memory.command(bytes.toString('latin1', start, end), isAlone)
    } else this.#memory.asked()
    this.#asked.push(command)
    if (this.#asked.length > 1) return
    this.#sequence = 0
    this.#answer.begin(expected)
  }

  get #isInTransaction(): boolean {
    return (this.#answer.status & statusFlags.inTransaction) !== 0
  }

  #hearServer(
    sequence: number,
    length: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): boolean {
    this.#sequence = sequence
    if (!this.stands) return this.#loggedIn(bytes[start] ?? 0)
    if (this.#asked.length === 0) {
      this.isOver = bytes[start] === 0xff
      return false
    }
    const step = this.#answer.take(length, bytes, start, end)
    if (step === 'wants-file') this.#sendsFile = true
    if (step === 'failed') this.#memory.failed()
    if (step !== 'done' && step !== 'failed') return false
    this.#memory.ready()
    this.#asked.shift()
    const [next] = this.#asked
    const expected = next === undefined ? undefined : expectedFor(next)
    if (expected !== undefined && expected !== 'nothing') this.#answer.begin(expected)
    return this.#asked.length === 0
  }

  /** The greeting comes before the client has said anything; then OK ends the login. */
  #loggedIn(first: number): boolean {
    if (first === 0xff) this.isOver = true
    if (first === 0 && this.#response !== undefined) this.stands = true
    return this.stands
  }

  mayLeave(bytes: Buffer, end: number): boolean {
    return end < 5 || bytes[4] === 0xff
  }

  /** ER_NEW_ABORTING_CONNECTION is said instead of doing what was asked first. */
  takeBack(): boolean {
    this.#memory.takeBack()
    this.#client = this.#listenToClient()
    this.#server = this.#listen()
    this.#asked.length = 0
    return true
  }

  unasked(bytes: Buffer): Unasked {
    if (bytes.length < 4 || bytes.length < 4 + bytes.readUIntLE(0, 3)) return 'more'
    const isError = this.stands && bytes[4] === 0xff
    const leaves = isError && (this.rests || errorCode(bytes.subarray(4)) === newAborting)
    return leaves ? 'leaves' : 'pass'
  }

  get rests(): boolean {
    const isQuiet = this.#asked.length === 0 && !this.#isInTransaction && !this.#isLost
    return this.stands && isQuiet && this.#client.isBetween && this.mayInterrupt
  }

  get mayInterrupt(): boolean {
    return this.#server.isBetween
  }

  get boundBy(): string | undefined {
    const { user } = this.#response ?? {}
    if (this.#isLost || user === undefined) return 'it does not speak the protocol'
    if (this.#passwordOf(user) === undefined) return 'its password is not known here'
    return this.#memory.boundBy
  }

  login(): Login {
    const client = this.#response as Response
    const password = this.#passwordOf(client.user) ?? ''
    return new MyLogin(
      client,
      password,
      this.#memory.settings,
      () => {
        this.#server = this.#listen()
        this.#answer.status = 0
      },
      (why) => errorPacket(1, 1053, '08S01', `this session cannot go on elsewhere: ${why}`),
    )
  }

  isGoodbye(bytes: Buffer): boolean {
    return bytes.equals(this.goodbye)
  }

  /** To who asks nothing nothing can be said: an answer without a question is none. */
  farewell(why: Farewell): Buffer {
    const [code, state, text] = farewells[why]
    if (why === 'nobody') return errorPacket(this.stands ? 1 : 0, code, state, text)
    if (this.#asked.length === 0) return Buffer.alloc(0)
    return errorPacket(this.#sequence + 1, code, state, text)
  }
}
