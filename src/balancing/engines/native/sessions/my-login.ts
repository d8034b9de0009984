// Logging in at another MySQL or MariaDB in a client's place, and saying again what was set.

import { commands } from '../../../../wire/mysql/answers.ts'
import {
  type Greeting,
  type Response,
  readGreeting,
  writeResponse,
} from '../../../../wire/mysql/greeting.ts'
import { errorCode, PacketScanner, packetOf } from '../../../../wire/mysql/packets.ts'
import { proofOf, sealedPassword } from '../../../../wire/mysql/proof.ts'
import type { Login, LoginStep } from './talk.ts'

const payloadMost = 64 * 1024

/**
 * Full, blocking us for a while, letting nobody in any more (said of the first setting), or
 * shutting down: another server, or a later moment, may do.
 */
const notNow: readonly number[] = [1040, 1053, 1129, 1184, 1927]

/** A text is a query; what begins with the number of another command is that command. */
const commandOf = (setting: string): Buffer =>
  [commands.reset, commands.setOption].some((number) => number === setting.charCodeAt(0))
    ? Buffer.from(setting, 'latin1')
    : Buffer.concat([Buffer.from([commands.query]), Buffer.from(setting)])

const wantsKey = Buffer.from([2])

export class MyLogin implements Login {
  readonly #client: Response
  readonly #password: string
  readonly #settings: string[]
  readonly #done: () => void
  readonly #refuse: (why: string) => Buffer
  readonly #scanner: PacketScanner
  #step: LoginStep = { kind: 'more', send: undefined }
  #send: Buffer | undefined
  #greeting: Greeting | undefined
  #salt = Buffer.alloc(0)
  #isIn = false

  constructor(
    client: Response,
    password: string,
    settings: readonly string[],
    done: () => void,
    refuse: (why: string) => Buffer,
  ) {
    this.#client = client
    this.#password = password
    this.#settings = [...settings]
    this.#done = done
    this.#refuse = refuse
    this.#scanner = new PacketScanner(payloadMost, (sequence, _, bytes, start, end) =>
      this.#hear(sequence, bytes.subarray(start, end)),
    )
  }

  begin(): undefined {
    return undefined
  }

  heard(bytes: Buffer, end: number): LoginStep {
    const used = this.#scanner.push(bytes, 0, end)
    if (this.#step.kind === 'done') return { ...this.#step, used }
    if (this.#step.kind !== 'more') return this.#step
    const send = this.#send
    this.#send = undefined
    return { kind: 'more', send }
  }

  #hear(sequence: number, payload: Buffer): boolean {
    const first = payload[0] ?? 0
    if (first === 0xff) this.#failed(payload)
    else if (this.#greeting === undefined) this.#greet(sequence, payload)
    else if (this.#isIn || first === 0) this.#next()
    else if (first === 0xfe) this.#switch(sequence, payload)
    else if (first === 1) this.#more(sequence, payload)
    else this.#cannot('the server asks for a login that is not known')
    return this.#step.kind !== 'more'
  }

  #failed(payload: Buffer): void {
    const code = errorCode(payload)
    const why = `${code} ${payload.toString('utf8', Math.min(9, payload.length))}`
    if (notNow.includes(code)) this.#step = { kind: 'not-now', why }
    else this.#cannot(why)
  }

  #cannot(why: string): void {
    this.#step = { kind: 'refused', tell: this.#refuse(why), why }
  }

  #greet(sequence: number, payload: Buffer): void {
    const greeting = readGreeting(payload)
    if (greeting === undefined) return this.#cannot('the server does not speak the protocol')
    this.#greeting = greeting
    this.#salt = Buffer.from(greeting.salt)
    const known = proofOf(greeting.plugin, this.#password, this.#salt)
    // Of a plugin that is not spoken the server may still switch to another one.
    const plugin = known === undefined ? 'mysql_native_password' : greeting.plugin
    const proof = known ?? proofOf(plugin, this.#password, this.#salt) ?? Buffer.alloc(0)
    this.#send = packetOf(sequence + 1, writeResponse(this.#client, plugin, proof))
  }

  /** The account has another plugin than the server has by default. */
  #switch(sequence: number, payload: Buffer): void {
    const zero = payload.indexOf(0, 1)
    if (zero < 0) return this.#cannot('the server asks for a login of before MySQL 4.1')
    this.#salt = Buffer.from(payload.subarray(zero + 1, zero + 21))
    const plugin = payload.toString('latin1', 1, zero)
    const proof = proofOf(plugin, this.#password, this.#salt)
    if (proof === undefined) return this.#cannot(`the server asks for a login by ${plugin}`)
    this.#send = packetOf(sequence + 1, proof)
  }

  /** caching_sha2_password: it knows us (3), or wants the password itself (4), or gives its key. */
  #more(sequence: number, payload: Buffer): void {
    if (payload[1] === 3) return
    if (payload[1] === 4) this.#send = packetOf(sequence + 1, wantsKey)
    else {
      const key = payload.toString('latin1', 1)
      this.#send = packetOf(sequence + 1, sealedPassword(this.#password, this.#salt, key))
    }
  }

  /** One after the other: each setting is answered before the next one is said. */
  #next(): void {
    this.#isIn = true
    const setting = this.#settings.shift()
    if (setting === undefined) {
      this.#done()
      this.#step = { kind: 'done', tell: Buffer.alloc(0), used: 0 }
    } else {
      this.#send = packetOf(0, commandOf(setting))
    }
  }
}
