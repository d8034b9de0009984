// What has to be said again to another server, so that a session finds there what it had?

import type { Trace } from '../../../../wire/postgresql/statements.ts'

/** A session that has more to be said again than this stays where it is. */
const statementsMost = 500
const bytesMost = 512 * 1024
const settingsMost = 100

/** How the statements of a protocol are read. */
export interface Reading {
  traceOf(text: string): Trace
  /** It cannot commit by itself before it is done. */
  isPlain(text: string): boolean
  /** What a setting sets: of those of one name the last one counts alone. */
  settingOf(text: string): string | undefined
  /** A setting says as whom the session acts. */
  isRole(setting: string): boolean
}

/** A request for a prepared statement, as it was sent. */
interface Prepared {
  readonly name: string
  /** The body of the message. */
  readonly body: Buffer
}

/** Between two requests that are answered by ReadyForQuery. */
const mark = Symbol('mark')
/** Something was executed that is no setting. */
const other = Symbol('other')

/**
 * Settings and prepared statements of one session. What was asked counts once the server has said
 * that it was done. Of a session that cannot go on elsewhere nothing is kept.
 */
export class SessionMemory {
  /** In order; by what they set, or by themselves. */
  readonly #settings = new Map<string, string>()
  readonly prepared = new Map<string, Prepared>()
  #bytes = 0
  /** Asked and not answered, in order; a text is a setting that counts if no error comes. */
  #asked: (Prepared | string | typeof mark | typeof other)[] = []
  /** The statement without a name, if it leaves something and has not been executed. */
  #unnamed: { readonly trace: Trace; readonly text: string } | undefined
  #hasFailed = false
  /** Of what was asked since the session last rested, nothing can commit in the middle of it. */
  #isPlain = true
  /** Prepared statements of which that cannot be said. */
  readonly #unplain = new Set<string>()
  #boundBy: string | undefined
  readonly #reading: Reading

  constructor(reading: Reading) {
    this.#reading = reading
  }

  get settings(): readonly string[] {
    return [...this.#settings.values()]
  }

  /** Why the session cannot go on elsewhere. */
  get boundBy(): string | undefined {
    return this.#boundBy
  }

  /** It cannot, from now on. */
  bind(why: string): void {
    if (this.#boundBy !== undefined) return
    this.#boundBy = why
    this.#forgetStatements()
    this.#settings.clear()
    this.#asked = []
  }

  /** Texts that are said whole, or statements that are executed. */
  #note(trace: Trace, text: string, isAlone: boolean): void {
    if (trace.kind === 'state') this.bind(trace.what)
    else if (trace.kind === 'setting') this.#made(text, isAlone)
    else {
      if (trace.kind === 'forgets') this.#forgets(trace, isAlone)
      if (this.#asked.at(-1) !== other) this.#asked.push(other)
    }
  }

  #forgets(trace: Trace & { readonly kind: 'forgets' }, isAlone: boolean): void {
    if (trace.what === 'statement') return this.close(trace.name)
    if (trace.what === 'statements') return this.#forgetStatements()
    if (!isAlone) return this.bind('that it gives up what it had set')
    if (trace.what === 'everything') this.#forgetStatements()
    for (const [key, text] of this.#settings) {
      const stays = trace.what === 'settings' && !trace.role && this.#reading.isRole(text)
      if (!stays) this.#settings.delete(key)
    }
  }

  /** Said in another way than as a text, it is a setting all the same. */
  command(setting: string, isAlone: boolean): void {
    if (this.#boundBy !== undefined) return
    this.#made(setting, isAlone)
    this.asked()
  }

  #made(setting: string, isAlone: boolean): void {
    if (isAlone) this.#asked.push(setting)
    else this.bind('a setting within a transaction')
  }

  /** A simple query; alone when nothing else is under way and no transaction is open. */
  query(text: string | undefined, isAlone: boolean): void {
    if (this.#boundBy !== undefined) return
    if (text === undefined) return this.bind('a query too long to be looked at')
    if (!this.#reading.isPlain(text)) this.#isPlain = false
    // It takes the place of the statement without a name.
    this.#unnamed = undefined
    this.#forget('')
    this.#note(this.#reading.traceOf(text), text, isAlone)
    this.asked()
  }

  parse(name: string, text: string | undefined, body: Buffer | undefined): void {
    if (this.#boundBy !== undefined) return
    if (text === undefined || body === undefined) {
      return this.bind('a query too long to be looked at')
    }
    this.#asked.push({ name, body })
    if (this.#reading.isPlain(text)) this.#unplain.delete(name)
    else this.#unplain.add(name)
    const trace = this.#reading.traceOf(text)
    if (name === '') this.#unnamed = trace.kind === 'nothing' ? undefined : { trace, text }
    if (trace.kind === 'state') this.bind(trace.what)
    else if (trace.kind !== 'nothing' && name !== '') this.bind('a setting with a name')
  }

  /** What a statement leaves it leaves once: to execute it again changes nothing. */
  execute(isAlone: boolean): void {
    if (this.#boundBy !== undefined) return
    if (this.#unplain.size > 0) this.#isPlain = false
    const { trace, text } = this.#unnamed ?? { trace: { kind: 'nothing' }, text: '' }
    this.#unnamed = undefined
    this.#note(trace, text, isAlone)
  }

  close(name: string): void {
    this.#forget(name)
    this.#unplain.delete(name)
  }

  /** Sync, or a call of a function: answered by ReadyForQuery too. */
  asked(): void {
    if (this.#boundBy === undefined) this.#asked.push(mark)
  }

  parsed(): void {
    const place = this.#asked.findIndex((each) => typeof each === 'object')
    const [done] = place < 0 ? [] : this.#asked.splice(place, 1)
    if (typeof done === 'object') this.#keep(done)
  }

  failed(): void {
    this.#hasFailed = true
  }

  /** Nothing has been asked since the session last rested; false if that cannot be made true. */
  takeBack(): boolean {
    if (!this.#isPlain) return false
    this.#asked = []
    this.#hasFailed = false
    return true
  }

  /** ReadyForQuery: what was asked before it and has not been done will not be. */
  ready(): void {
    const answered = this.#asked.splice(0, this.#asked.indexOf(mark) + 1)
    const settings = answered.filter((each) => typeof each === 'string')
    if (settings.length > 0 && !this.#hasFailed) {
      // One of the others may have begun a transaction, and have ended it without the setting.
      if (answered.includes(other)) this.bind('a setting among other statements')
      for (const setting of settings) this.#set(setting)
    }
    this.#hasFailed = false
    if (this.#asked.length === 0) this.#isPlain = true
  }

  #set(text: string): void {
    if (this.#boundBy !== undefined) return
    const key = this.#reading.settingOf(text) ?? text
    this.#settings.delete(key)
    this.#settings.set(key, text)
    if (this.#settings.size > settingsMost) this.bind('more settings than are kept')
  }

  #forget(name: string): void {
    this.#bytes -= this.prepared.get(name)?.body.length ?? 0
    this.prepared.delete(name)
  }

  #forgetStatements(): void {
    this.prepared.clear()
    this.#unplain.clear()
    this.#bytes = 0
  }

  #keep(made: Prepared): void {
    this.#forget(made.name)
    this.prepared.set(made.name, made)
    this.#bytes += made.body.length
    if (this.prepared.size > statementsMost || this.#bytes > bytesMost) {
      this.bind('more prepared statements than are kept')
    }
  }
}
