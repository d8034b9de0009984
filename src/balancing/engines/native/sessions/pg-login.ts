// Logging in at another PostgreSQL in a client's place, and saying again what its session had.

import { randomBytes } from 'node:crypto'
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
import { Scram, scramMechanism } from '../../../../wire/postgresql/scram.ts'
import type { Login, LoginStep } from './talk.ts'

/** What a login needs to know. */
export interface PgSession {
  readonly beginning: Buffer
  readonly password: string | undefined
  readonly settings: readonly string[]
  /** Bodies of Parse messages. */
  readonly prepared: readonly Buffer[]
  /** What the client was last told of the server's settings. */
  readonly told: ReadonlyMap<string, string>
}

/** What it found at the new server. */
export interface PgFound {
  readonly key: string | undefined
  readonly settings: ReadonlyMap<string, string>
}

/** Starting, shutting down, recovering, or full: another server, or a later moment, may do. */
const notNow: readonly string[] = ['57P01', '57P02', '57P03', '53300']

const more: LoginStep = { kind: 'more', send: undefined }
const bodyMost = 64 * 1024

export class PgLogin implements Login {
  readonly #session: PgSession
  readonly #done: (found: PgFound) => void
  readonly #scanner: MessageScanner
  readonly #scram: Scram | undefined
  #step: LoginStep = more
  #send: Buffer[] = []
  #key: string | undefined
  readonly #found = new Map<string, string>()
  /** ReadyForQuery that have still to come; the first one says that we are in. */
  #readies = 1
  #isIn = false
  /** The last of what is said again is the statement without a name. */
  #endsUnnamed = false
  /** The server has proved that it knows the password, or none was asked. */
  #isTrusted = true

  constructor(session: PgSession, done: (found: PgFound) => void) {
    this.#session = session
    this.#done = done
    const { password } = session
    this.#scram =
      password === undefined ? undefined : new Scram(password, randomBytes(18).toString('base64'))
    const wanted = [
      fromServer.authentication,
      fromServer.parameter,
      fromServer.backendKey,
      fromServer.ready,
      fromServer.error,
    ].map((type) => [type, bodyMost] as const)
    this.#scanner = new MessageScanner(wanted, (type, bytes, start, end) =>
      this.#hear(type, bytes, start, end),
    )
  }

  begin(): Buffer {
    return this.#session.beginning
  }

  heard(bytes: Buffer, end: number): LoginStep {
    const used = this.#scanner.push(bytes, 0, end)
    if (this.#scanner.isLost) return { kind: 'not-now', why: 'it does not speak the protocol' }
    if (this.#step.kind === 'done') return { ...this.#step, used }
    if (this.#step.kind !== 'more') return this.#step
    const send = this.#send.length === 0 ? undefined : Buffer.concat(this.#send.splice(0))
    return { kind: 'more', send }
  }

  #hear(type: number, bytes: Buffer, start: number, end: number): boolean {
    if (type === fromServer.error) this.#erred(readError(bytes, start, end))
    else if (type === fromServer.authentication) this.#authenticate(bytes, start, end)
    else if (type === fromServer.backendKey) this.#key = latin1(bytes, start, end)
    else if (type === fromServer.ready) this.#ready()
    else this.#parameter(bytes, start, end)
    return this.#step.kind !== 'more'
  }

  #parameter(bytes: Buffer, start: number, end: number): void {
    const name = textAt(bytes, start, end)
    if (name === undefined) return
    const value = textAt(bytes, start + Buffer.byteLength(name) + 1, end)
    if (value !== undefined) this.#found.set(name, value)
  }

  /** Hardly anybody asks twice for the statement without a name; its table may be gone since. */
  #erred(error: ErrorFields): void {
    const isDispensable = this.#isIn && this.#readies === 1 && this.#endsUnnamed
    if (!isDispensable || isFatal(error)) this.#refused(error)
  }

  #refused(error: ErrorFields): void {
    const { code, message } = error
    const why = `${code} ${message}`
    if (notNow.includes(code) || isShut(error)) this.#step = { kind: 'not-now', why }
    else {
      const tell = fatalError(code, `this session cannot go on at another server: ${message}`)
      this.#step = { kind: 'refused', tell, why }
    }
  }

  #cannot(message: string): void {
    this.#refused({ severity: 'FATAL', code: '28000', message, routine: '' })
  }

  /** Only what keeps the password to ourselves (55.3 of PostgreSQL's manual). */
  #authenticate(bytes: Buffer, start: number, end: number): void {
    if (end - start < 4) return this.#cannot('the server asks for a login without saying how')
    const kind = bytes.readInt32BE(start)
    const said = bytes.toString('latin1', start + 4, end)
    if (kind === 0) {
      if (!this.#isTrusted) this.#cannot('the server did not prove that it knows the password')
    } else if (kind === 10) this.#beginScram(said.split('\0'))
    else if (kind === 11) {
      const answer = this.#scram?.final(said)
      if (answer === undefined) this.#cannot('the server’s challenge is none')
      else this.#send.push(messageOf(fromClient.password, Buffer.from(answer, 'latin1')))
    } else if (kind === 12) {
      if (this.#scram?.verify(said) === true) this.#isTrusted = true
      else this.#cannot('the server does not know the password')
    } else this.#cannot('the server asks for a login that gives the password away')
  }

  #beginScram(mechanisms: readonly string[]): void {
    const scram = this.#scram
    if (scram === undefined) return this.#cannot('the server asks for a password')
    if (!mechanisms.includes(scramMechanism)) {
      return this.#cannot('the server does not take SCRAM-SHA-256')
    }
    this.#isTrusted = false
    const first = Buffer.from(scram.first(), 'latin1')
    const length = Buffer.alloc(4)
    length.writeInt32BE(first.length)
    const body = Buffer.concat([Buffer.from(`${scramMechanism}\0`), length, first])
    this.#send.push(messageOf(fromClient.password, body))
  }

  #ready(): void {
    this.#readies -= 1
    if (this.#readies > 0) return
    if (this.#isIn) return this.#finish()
    this.#isIn = true
    const { settings, prepared } = this.#session
    for (const text of settings) {
      this.#send.push(messageOf(fromClient.query, Buffer.from(`${text}\0`)))
    }
    const unnamed = prepared.filter((body) => body[0] === 0)
    const named = prepared.filter((body) => body[0] !== 0)
    const groups = [named, unnamed].filter(({ length }) => length > 0)
    for (const bodies of groups) {
      for (const body of bodies) this.#send.push(messageOf(fromClient.parse, body))
      this.#send.push(messageOf(fromClient.sync, Buffer.alloc(0)))
    }
    this.#endsUnnamed = unnamed.length > 0
    this.#readies = settings.length + groups.length
    if (this.#readies === 0) this.#finish()
  }

  /** The client hears of what is another value now than it was told. */
  #finish(): void {
    const changed = [...this.#found].filter(
      ([name, value]) => this.#session.told.get(name) !== value,
    )
    const tell = changed.map(([name, value]) =>
      messageOf(fromServer.parameter, Buffer.from(`${name}\0${value}\0`)),
    )
    this.#done({ key: this.#key, settings: this.#found })
    this.#step = { kind: 'done', tell: Buffer.concat(tell), used: 0 }
  }
}
