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
        put(driver, question, node, resolve, reject, signal)
      }),
  }
}

function put<N extends OperationName, T>(
  driver: Driver,
  question: Question<N, T>,
  node: string,
  resolve: (value: T) => void,
  reject: (reason: unknown) => void,
  signal: AbortSignal | undefined,
): void {
  const { name, verb, path, changes = false, watch, watches } = question
  const { read } = responseLayout(name)
  const expected = watch === undefined ? undefined : driver.watches.expect(node)

  const settle = (kind: WatchKind | undefined, make: () => T): void => {
    release()
    if (watch !== undefined && kind !== undefined) driver.watches.add(kind, node, watch)
    try {
      resolve(make())
    } catch (thrown) {
      reject(thrown)
    }
  }
  const release = (): void => {
    expected?.[Symbol.dispose]()
    signal?.removeEventListener('abort', abort)
  }
  const entry = {
    name,
    request: question.request(node),
    verb,
    path,
    changes,
    abandoned: false,
    xid: 0,
    answered(from: Reader): void {
      const answer = read(from)
      settle(watches?.there, () => question.take(answer))
    },
    failed(error: ZooKeeperError, code?: number): void {
      if (code === noNode && question.missing !== undefined) {
        settle(watches?.missing, question.missing)
        return
      }
      release()
      reject(error)
    },
  }
  const abort = (): void => {
    entry.abandoned = true
    release()
    reject(signal?.reason)
  }
  signal?.addEventListener('abort', abort)
  driver.ask(entry)
}
