// What has to be said again to another server, so that a session finds there what it had?

import type { Trace } from '../../../../wire/postgresql/statements.ts'

/** A session that has more to be said again than this stays where it is. */
const statementsMost = 500
const bytesMost = 512 * 1024
const settingsMost = 100

/** A request for a prepared statement, as it was sent. */
interface Prepared {
  readonly name: string
  /** The body of the message; `undefined` for one that was too long to be kept. */
  readonly body: Buffer | undefined
}

/** Between two requests that are answered by ReadyForQuery. */
const mark = Symbol('mark')

/**
 * Settings and prepared statements of one session. What was asked counts once the server has said
 * that it was done.
 */
export class SessionMemory {
  readonly settings: string[] = []
  readonly prepared = new Map<string, Prepared>()
  #bytes = 0
  /** Asked and not answered, in order. */
  #asked: (Prepared | typeof mark)[] = []
  /** A setting that is under way: it counts if no error comes. */
  #setting: string | undefined
  /** The statement without a name, if it is a setting. */
  #unnamedSetting: string | undefined
  #hasFailed = false
  /** Of what was asked since the session last rested, nothing can commit in the middle of it. */
  #isPlain = true
  /** Prepared statements of which that cannot be said. */
  readonly #unplain = new Set<string>()
  /** Why the session cannot go on elsewhere. */
  boundBy: string | undefined
  readonly #traceOf: (text: string) => Trace
  readonly #isPlainText: (text: string) => boolean

  /** How statements are read; one that is plain cannot commit by itself before it is done. */
  constructor(traceOf: (text: string) => Trace, isPlain: (text: string) => boolean) {
    this.#traceOf = traceOf
    this.#isPlainText = isPlain
  }

  /** Texts that are said whole, or statements that are made. */
  #note(trace: Trace, text: string, isAlone: boolean): void {
    if (trace.kind === 'state') this.boundBy ??= trace.what
    if (trace.kind !== 'setting') return
    if (isAlone) this.#setting = text
    else this.boundBy ??= 'a setting within a transaction'
  }

  /** A simple query; alone when nothing else is under way and no transaction is open. */
  query(text: string | undefined, isAlone: boolean): void {
    this.#asked.push(mark)
    if (text === undefined || !this.#isPlainText(text)) this.#isPlain = false
    if (text === undefined) this.boundBy ??= 'a query too long to be looked at'
    else this.#note(this.#traceOf(text), text, isAlone)
  }

  parse(name: string, text: string | undefined, body: Buffer | undefined): void {
    this.#asked.push({ name, body })
    if (text !== undefined && this.#isPlainText(text)) this.#unplain.delete(name)
    else this.#unplain.add(name)
    if (text === undefined) {
      this.boundBy ??= 'a query too long to be looked at'
      return
    }
    const trace = this.#traceOf(text)
    if (name === '') this.#unnamedSetting = trace.kind === 'setting' ? text : undefined
    if (trace.kind === 'state') this.boundBy ??= trace.what
    else if (trace.kind === 'setting' && name !== '') this.boundBy ??= 'a setting with a name'
  }

  execute(isAlone: boolean): void {
    if (this.#unplain.size > 0) this.#isPlain = false
    const text = this.#unnamedSetting
    if (text !== undefined) this.#note({ kind: 'setting' }, text, isAlone)
  }

  close(name: string): void {
    this.#forget(name)
  }

  /** Sync, or a call of a function: answered by ReadyForQuery too. */
  asked(): void {
    this.#asked.push(mark)
  }

  parsed(): void {
    const place = this.#asked.findIndex((each) => each !== mark)
    const [done] = place < 0 ? [] : this.#asked.splice(place, 1)
    if (done !== undefined && done !== mark) this.#keep(done)
  }

  failed(): void {
    this.#hasFailed = true
  }

  /** Nothing has been asked since the session last rested; false if that cannot be made true. */
  takeBack(): boolean {
    if (!this.#isPlain) return false
    this.#asked = []
    this.#setting = undefined
    this.#hasFailed = false
    return true
  }

  /** ReadyForQuery: what was asked before it and has not been done will not be. */
  ready(): void {
    this.#asked.splice(0, this.#asked.indexOf(mark) + 1)
    const setting = this.#setting
    this.#setting = undefined
    if (setting !== undefined && !this.#hasFailed) this.#set(setting)
    this.#hasFailed = false
    if (this.#asked.length === 0) this.#isPlain = true
  }

  #set(text: string): void {
    const before = this.settings.indexOf(text)
    if (before >= 0) this.settings.splice(before, 1)
    this.settings.push(text)
    if (this.settings.length > settingsMost) this.boundBy ??= 'more settings than are kept'
  }

  #forget(name: string): void {
    this.#bytes -= this.prepared.get(name)?.body?.length ?? 0
    this.prepared.delete(name)
  }

  #keep(made: Prepared): void {
    this.#forget(made.name)
    this.prepared.set(made.name, made)
    this.#bytes += made.body?.length ?? 0
  }

  /** Why what was prepared cannot be prepared again. */
  get unkept(): string | undefined {
    if (this.prepared.size > statementsMost || this.#bytes > bytesMost) {
      return 'more prepared statements than are kept'
    }
    for (const { body } of this.prepared.values()) {
      if (body === undefined) return 'a prepared statement too long to be kept'
    }
    return undefined
  }
}
