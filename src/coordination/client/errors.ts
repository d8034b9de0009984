// What went wrong with an operation, in a form that a program can decide by and a person can read.

import { Fault, type FaultCode } from '../../foundation/fault.ts'
import { errorName, type ZooErrorName, zooErrors } from '../../wire/jute/errors.ts'

/** More about a failure, where there is more. */
export interface ZooKeeperErrorMore {
  readonly path?: string
  readonly maybeApplied?: boolean
  readonly failedAt?: number
  readonly cause?: unknown
}

const codes: Partial<Record<ZooErrorName, FaultCode>> = {
  'no-node': 'not-found',
  'node-exists': 'refused',
  'bad-version': 'refused',
  'not-empty': 'refused',
  'no-auth': 'refused',
  'auth-failed': 'refused',
  'invalid-acl': 'refused',
  'quota-exceeded': 'refused',
  'bad-arguments': 'bad-usage',
  'connection-loss': 'unreachable',
  'session-expired': 'unreachable',
  'operation-timeout': 'timed-out',
  'request-timeout': 'timed-out',
  unimplemented: 'unsupported',
  'marshalling-error': 'corrupt',
}

/**
 * An operation that failed. `error` says how, in ZooKeeper's words:
 *
 * ```ts
 * try {
 *   await client.create('/config', 'v1')
 * } catch (thrown) {
 *   if (!isZooKeeperError(thrown, 'node-exists')) throw thrown
 * }
 * ```
 *
 * It is the one heir of Fault, because what is decided by the error of a coordinator (retry, stand
 * down, go on) is finer than what the command line tells apart.
 */
export class ZooKeeperError extends Fault {
  readonly error: ZooErrorName
  /** What was asked: `create`, `multi`, … */
  readonly operation: string
  readonly path: string | undefined
  /**
   * Whether the change may have been made all the same: it was sent, and the connection was lost
   * before its answer. Always false for what only reads and for what a server refused.
   */
  readonly maybeApplied: boolean
  /** Of a `multi`: the index of the operation that failed first. */
  readonly failedAt: number | undefined

  constructor(error: ZooErrorName, operation: string, more: ZooKeeperErrorMore = {}) {
    const { path, maybeApplied = false, failedAt, cause } = more
    const where = path === undefined ? '' : ` ${path}`
    const doubt = maybeApplied ? '; whether it was done is not known' : ''
    super(codes[error] ?? 'failed', `cannot ${operation}${where}: ${says(error)}${doubt}`, {
      ...(cause === undefined ? {} : { cause }),
    })
    this.error = error
    this.operation = operation
    this.path = path
    this.maybeApplied = maybeApplied
    this.failedAt = failedAt
  }
}

const says = (error: ZooErrorName): string => zooErrors[error][1]

/** Whether `thrown` is an operation's failure, and, if `errors` are named, one of these. */
export const isZooKeeperError = (
  thrown: unknown,
  ...errors: readonly ZooErrorName[]
): thrown is ZooKeeperError =>
  thrown instanceof ZooKeeperError && (errors.length === 0 || errors.includes(thrown.error))

/** The name of an error number; one that we do not know is an `api-error`. */
export const nameOf = (code: number): ZooErrorName => errorName(code) ?? 'api-error'
