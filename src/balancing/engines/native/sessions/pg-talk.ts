// One client's conversation with PostgreSQL, followed message by message without being held.

import { latin1 } from '../../../../wire/latin1.ts'
import {
  type ErrorFields,
  fatalError,
  isFatal,
  isShut,
  readError,
} from '../../../../wire/postgresql/fields.ts'
import {
  fromClient,
  fromServer,
  MessageScanner,
  messageOf,
  textAt,
} from '../../../../wire/postgresql/messages.ts'
import { hideBinding } from '../../../../wire/postgresql/scram.ts'
import { readStartup, tlsMessage } from '../../../../wire/postgresql/startup.ts'
import { isPlain, isRole, settingOf, traceOf } from '../../../../wire/postgresql/statements.ts'
import { SessionMemory } from './memory.ts'
import { type PgFound, PgLogin } from './pg-login.ts'
import type { Ask, Farewell, Login, Opener, Opening, Talk, Unasked } from './talk.ts'

/** So much of a query is looked at; a longer one binds its session to its server. */
const textMost = 64 * 1024
const idle = 0x49

const clientWants = [
  ...[fromClient.query, fromClient.parse, fromClient.close].map(
    (type) => [type, textMost] as const,
  ),
  ...[
    ...[fromClient.bind, fromClient.describe, fromClient.execute, fromClient.flush],
    ...[fromClient.sync, fromClient.functionCall, fromClient.terminate],
  ].map((type) => [type, 0] as const),
]

const serverWants = [
  ...[fromServer.error, fromServer.parameter].map((type) => [type, textMost] as const),
  ...[fromServer.ready, fromServer.backendKey].map((type) => [type, 256] as const),
  ...[
    ...[fromServer.authentication, fromServer.parseComplete],
    ...[fromServer.copyIn, fromServer.copyBoth],
  ].map((type) => [type, 4] as const),
]

const farewells: Readonly<Record<Farewell, readonly [code: string, message: string]>> = {
  moved: ['57P01', 'the server of this session is being replaced: connect again'],
  lost: ['08006', 'the server was lost: whether what was under way is done is not known'],
  nobody: ['57P03', 'no server that could take this session came in time: try again later'],
}

/** A server that shuts down or starts: what it refuses now, another one may take. */
const isGoing: readonly string[] = ['57P01', '57P02', '57P03']

/** How a server is asked for TLS. */
export const askFirst = (secured: () => void): Ask => ({
  ...{ kind: 'first', request: tlsMessage(), secured },
})

/** What a talk asks of the edge it is in. */
export interface PgKnown {
  /** The password of a user, if it was entrusted to this edge. */
  password(user: string): string | undefined
  /** TLS can be had at this door; and it has to be, before anything else. */
  readonly offersTls: boolean
}

export class PgTalk implements Talk, Opener {
  readonly leavesForAll = false
  readonly goodbye = messageOf(fromClient.terminate, Buffer.alloc(0))
  readonly #known: PgKnown
  #client = this.#listenToClient()
  #server = this.#listen()
  readonly #memory = new SessionMemory({ traceOf, isPlain, settingOf, isRole })
  readonly #told = new Map<string, string>()
  #beginning: Buffer | undefined
  #user = ''
  #isReplication = false
  #needsPassword = false
  /** Requests that ReadyForQuery has not answered. */
  #pending = 0
  /** Something was asked that no Sync has ended yet. */
  #isOpen = false
  #isCopying = false
  /** Its server is spoken to under TLS. */
  #isSecured = false
  readonly asksForTls = askFirst(() => {
    this.#isSecured = true
  })
  #lastWasSync = false
  #status = idle
  stands = false
  isOver = false
  cancelKey: string | undefined
  serverKey: string | undefined

  constructor(known: PgKnown) {
    this.#known = known
  }

  #listenToClient(): MessageScanner {
    return new MessageScanner(clientWants, (type, bytes, start, end, whole) =>
      this.#hearClient(type, bytes, start, end, whole),
    )
  }

  #listen(): MessageScanner {
    return new MessageScanner(serverWants, (type, bytes, start, end) =>
      this.#hearServer(type, bytes, start, end),
    )
  }

  get beginning(): Buffer | undefined {
    return this.#beginning
  }

  open(bytes: Buffer): Opening {
    const startup = readStartup(bytes, bytes.length)
    switch (startup.kind) {
      case 'incomplete':
        return { kind: 'more' }
      case 'bad':
        return startup
      case 'encrypt':
        if (startup.by === 'tls' && this.#known.offersTls)
          return { kind: 'secure', used: startup.end }
        return { kind: 'answer', text: 'N', used: startup.end }
      case 'cancel':
        return startup
      case 'session': {
        if (this.#known.offersTls) return { kind: 'bad', why: 'this address speaks TLS only' }
        this.#beginning = Buffer.from(bytes.subarray(0, startup.end))
        this.#user = startup.parameters.get('user') ?? ''
        const replication = startup.parameters.get('replication') ?? 'false'
        this.#isReplication = !['false', 'off', 'no', '0'].includes(replication)
        return { kind: 'session', used: startup.end }
      }
    }
  }

  clientSaid(bytes: Buffer, start: number, end: number): void {
    this.#client.push(bytes, start, end)
  }

  serverSaid(bytes: Buffer, start: number, end: number): number {
    // What binds a login to TLS is between the server and us: its client has no part in it.
    if (this.#isSecured && !this.stands) hideBinding(bytes, start, end)
    return this.#server.push(bytes, start, end)
  }

  #hearClient(type: number, bytes: Buffer, start: number, end: number, whole: boolean): boolean {
    const isAlone = this.#pending === 0 && this.#status === idle
    this.#lastWasSync = type === fromClient.sync
    switch (type) {
      case fromClient.query:
        this.#memory.query(whole ? textAt(bytes, start, end) : undefined, isAlone && !this.#isOpen)
        this.#pending += 1
        break
      case fromClient.sync:
      case fromClient.functionCall:
        this.#memory.asked()
        this.#pending += 1
        this.#isOpen = false
        break
      case fromClient.terminate:
        this.isOver = true
        break
      default:
        this.#isOpen = true
        this.#hearExtended(type, bytes, start, end, whole, isAlone)
    }
    return false
  }

  #hearExtended(
    type: number,
    bytes: Buffer,
    start: number,
    end: number,
    whole: boolean,
    isAlone: boolean,
  ): void {
    if (type === fromClient.execute) this.#memory.execute(isAlone)
    if (type === fromClient.parse) {
      const name = textAt(bytes, start, end) ?? ''
      const text = whole ? textAt(bytes, start + Buffer.byteLength(name) + 1, end) : undefined
      const body = whole ? Buffer.from(bytes.subarray(start, end)) : undefined
      this.#memory.parse(name, text, body)
    }
    // Close of a statement, not of a portal (55.7).
    if (type === fromClient.close && bytes[start] === 0x53) {
      this.#memory.close(textAt(bytes, start + 1, end) ?? '')
    }
  }

  #hearServer(type: number, bytes: Buffer, start: number, end: number): boolean {
    switch (type) {
      case fromServer.ready:
        return this.#ready(bytes[start] ?? 0)
      case fromServer.error:
        this.#memory.failed()
        if (isFatal(readError(bytes, start, end))) this.isOver = true
        break
      case fromServer.parameter:
        this.#parameter(bytes, start, end)
        break
      case fromServer.backendKey:
        this.serverKey = latin1(bytes, start, end)
        this.cancelKey ??= this.serverKey
        break
      case fromServer.authentication:
        // One that is cut off says nothing of the kind.
        if (end - start < 4 || bytes.readInt32BE(start) !== 0) this.#needsPassword = true
        break
      case fromServer.parseComplete:
        this.#memory.parsed()
        break
      default:
        this.#copies(type)
    }
    return false
  }

  #parameter(bytes: Buffer, start: number, end: number): void {
    const name = textAt(bytes, start, end)
    const value = name && textAt(bytes, start + Buffer.byteLength(name) + 1, end)
    if (name !== undefined && value !== undefined) this.#told.set(name, value)
  }

  /** A Sync that was sent with the COPY is not answered: the one after the data is (55.2.6). */
  #copies(type: number): void {
    if (type === fromServer.copyBoth) this.#isReplication = true
    this.#isCopying = true
    if (this.#lastWasSync && this.#pending > 0) this.#pending -= 1
  }

  /** The first one ends the login: it answers nothing that was asked. */
  #ready(status: number): boolean {
    const isAnswer = this.stands
    this.stands = true
    this.#status = status
    if (isAnswer && this.#pending > 0) this.#pending -= 1
    if (isAnswer) this.#memory.ready()
    if (this.#pending === 0) this.#isCopying = false
    return this.#pending === 0
  }

  mayLeave(bytes: Buffer): boolean {
    return bytes[0] === fromServer.error
  }

  /**
   * A server that ends a session by FATAL 57P01 says so before it has done anything of the
   * request, or after it has undone it: had it committed, CommandComplete would have come first,
   * and while it waits for replicas it gives a warning instead (tcop/postgres.c,
   * replication/syncrep.c). That holds for what cannot commit by itself in the middle.
   */
  takeBack(): boolean {
    if (!this.#memory.takeBack()) return false
    this.#client = this.#listenToClient()
    this.#server = this.#listen()
    this.#pending = 0
    this.#isOpen = false
    return true
  }

  unasked(bytes: Buffer): Unasked {
    // While something is asked only its first answer counts: what follows another one was done.
    const isAsked = this.stands && !this.rests
    let at = 0
    while (bytes.length - at >= 5) {
      const next = at + 1 + bytes.readInt32BE(at + 1)
      if (next > bytes.length || next < at + 5) break
      if (bytes[at] === fromServer.error) {
        const error = readError(bytes, at + 5, next)
        if (isFatal(error) && this.#isLeaving(error)) return 'leaves'
      }
      at = next
      if (isAsked) return 'pass'
    }
    return at === bytes.length || bytes.length > textMost ? 'pass' : 'more'
  }

  /** At rest whatever ends the session; otherwise only what says that nothing was done. */
  #isLeaving(error: ErrorFields): boolean {
    if (!this.stands) return isGoing.includes(error.code) || isShut(error)
    return this.rests || error.code === '57P01'
  }

  get rests(): boolean {
    const isQuiet = this.#pending === 0 && !this.#isOpen && !this.#isCopying
    return (
      isQuiet && this.stands && this.#status === idle && this.#client.isBetween && this.mayInterrupt
    )
  }

  get mayInterrupt(): boolean {
    return this.#server.isBetween && !this.#server.isLost
  }

  get boundBy(): string | undefined {
    if (this.#client.isLost || this.#server.isLost) return 'it does not speak the protocol'
    if (this.#isReplication) return 'it replicates'
    if (this.#needsPassword && this.#known.password(this.#user) === undefined) {
      return 'its password is not known here'
    }
    return this.#memory.boundBy
  }

  login(): Login {
    const { settings, prepared } = this.#memory
    return new PgLogin(
      {
        beginning: this.#beginning as Buffer,
        password: this.#known.password(this.#user),
        settings,
        prepared: [...prepared.values()].map(({ body }) => body),
        told: this.#told,
      },
      (found) => this.#goOn(found),
    )
  }

  #goOn({ key, settings }: PgFound): void {
    this.serverKey = key
    for (const [name, value] of settings) this.#told.set(name, value)
    this.#server = this.#listen()
  }

  isGoodbye(bytes: Buffer): boolean {
    return bytes.equals(this.goodbye)
  }

  farewell(why: Farewell): Buffer {
    const [code, message] = farewells[why]
    return fatalError(code, message)
  }
}
