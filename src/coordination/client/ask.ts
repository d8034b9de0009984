// How is a question put to a session, and its answer made a promise? The one way in for every
// operation of the client.

import type { Reader } from '../../wire/jute/archive.ts'
import { errorCode } from '../../wire/jute/errors.ts'
import {
  type OperationName,
  type RequestOf,
  type ResponseOf,
  responseLayout,
} from '../../wire/jute/messages.ts'
import type { Driver } from './driver.ts'
import type { ZooKeeperError } from './errors.ts'
import type { WatchListener } from './model.ts'
import { checkPath, underChroot, withoutChroot } from './paths.ts'
import type { Entry } from './requests.ts'
import type { WatchKind } from './watches.ts'

/** One question, and what to make of its answer. Paths within are as the server knows them. */
export interface Question<N extends OperationName, T> {
  readonly name: N
  /** What a person reads in an error: "cannot `verb` `path`". */
  readonly verb: string
  /** As the client's user knows it; what `node` is made of. */
  readonly path?: string
  /** Whether the server puts a number behind the path. */
  readonly sequential?: boolean
  /** Whether it changes something: then it may have been done although no answer came. */
  readonly changes?: boolean
  /** Who is to be told of changes, and in which table if the node is there, or is not. */
  readonly watch?: WatchListener | undefined
  readonly watches?: { readonly there: WatchKind; readonly missing?: WatchKind }
  request(node: string): RequestOf<N>
  /** Makes the result of the answer; may throw the error that the answer holds. */
  take(answer: ResponseOf<N>): T
  /** What it means that there is no such node, where that is no error. */
  missing?(): T
}

/** Puts questions to one session, for somebody who sees only what is below a chroot. */
export interface Asker {
  readonly driver: Driver
  /** Resolves with what the question makes of its answer; rejects as `ZooKeeperClient` says. */
  ask<N extends OperationName, T>(question: Question<N, T>, signal?: AbortSignal): Promise<T>
  /** The path as the server knows it. Throws `bad-arguments` for one that no server would take. */
  real(path: string, verb: string, sequential?: boolean): string
  /** The path as the client's user knows it. */
  shown(path: string): string
}

const noNode = errorCode('no-node')

export function openAsker(driver: Driver, chroot: string): Asker {
  const real: Asker['real'] = (path, verb, sequential) => {
    checkPath(path, verb, sequential)
    return underChroot(chroot, path)
  }
  return {
    driver,
    real,
    shown: (path) => withoutChroot(chroot, path),
    ask: <N extends OperationName, T>(question: Question<N, T>, signal?: AbortSignal) =>
      new Promise<T>((resolve, reject) => {
        signal?.throwIfAborted()
        const { path, verb, sequential } = question
        const node = path === undefined ? '' : real(path, verb, sequential)
        driver.ask(new Asked(driver, question, node, resolve, reject, signal))
      }),
  }
}

/** One question on its way: what an answer, an error or an aborted signal makes of its promise. */
class Asked<N extends OperationName, T> implements Entry {
  readonly name: N
  readonly request: RequestOf<N>
  readonly verb: string
  readonly path: string | undefined
  readonly changes: boolean
  abandoned = false
  xid = 0
  readonly #driver: Driver
  readonly #question: Question<N, T>
  readonly #node: string
  readonly #resolve: (value: T) => void
  readonly #reject: (reason: unknown) => void
  readonly #signal: AbortSignal | undefined
  readonly #expected: Disposable | undefined

  constructor(
    driver: Driver,
    question: Question<N, T>,
    node: string,
    resolve: (value: T) => void,
    reject: (reason: unknown) => void,
    signal: AbortSignal | undefined,
  ) {
    this.name = question.name
    this.request = question.request(node)
    this.verb = question.verb
    this.path = question.path
    this.changes = question.changes ?? false
    this.#driver = driver
    this.#question = question
    this.#node = node
    this.#resolve = resolve
    this.#reject = reject
    this.#signal = signal
    this.#expected = question.watch === undefined ? undefined : driver.watches.expect(node)
    signal?.addEventListener('abort', this)
  }

  answered(from: Reader): void {
    const { watches, name } = this.#question
    const answer = responseLayout(name).read(from)
    this.#settle(watches?.there, answer)
  }

  failed(error: ZooKeeperError, code?: number): void {
    const { missing, watches } = this.#question
    if (code === noNode && missing !== undefined) {
      this.#watch(watches?.missing)
      this.#resolve(missing())
      return
    }
    this.#release()
    this.#reject(error)
  }

  /** Its signal is aborted: nobody waits for it any more. */
  handleEvent(): void {
    this.abandoned = true
    this.#release()
    this.#reject(this.#signal?.reason)
  }

  #settle(kind: WatchKind | undefined, answer: ResponseOf<N>): void {
    this.#watch(kind)
    try {
      this.#resolve(this.#question.take(answer))
    } catch (thrown) {
      this.#reject(thrown)
    }
  }

  #watch(kind: WatchKind | undefined): void {
    this.#release()
    const { watch } = this.#question
    if (watch !== undefined && kind !== undefined) this.#driver.watches.add(kind, this.#node, watch)
  }

  #release(): void {
    this.#expected?.[Symbol.dispose]()
    this.#signal?.removeEventListener('abort', this)
  }
}
