// What we failed to do, as a value a person can act on.

/** The kinds of failure the command line and the tests tell apart. */
export type FaultCode =
  | 'bad-file' // the file says something that cannot be: exit code 2
  | 'bad-usage' // the command line says something that cannot be: exit code 2
  | 'not-found' // the thing named does not exist
  | 'not-running' // no agent answers
  | 'already-running' // an agent holds this file's state
  | 'in-use' // a port or a path belongs to somebody else
  | 'refused' // asked for something that would do harm
  | 'timed-out' // no answer before the deadline
  | 'unreachable' // the other side cannot be reached
  | 'corrupt' // bytes that are not what they should be
  | 'incompatible' // made by a version that this one does not understand
  | 'unsupported' // this machine cannot do that
  | 'failed' // anything else that the world refused

/**
 * A failure of ours or of the world's, in the form it is shown: what failed, why (`cause`), and
 * what the reader can do about it (`remedy`, a sentence without a full stop). A broken
 * assumption is not a Fault: it is an `invariant` and crashes.
 */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly code: FaultCode
  readonly remedy: string | undefined

  constructor(
    code: FaultCode,
    message: string,
    more: { remedy?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.code = code
    this.remedy = more.remedy
  }
}

/** The message of anything that was thrown, with the messages of its causes underneath. */
export function describeError(thrown: unknown): string {
  if (!Error.isError(thrown)) return String(thrown)
  const error = thrown as Error
  return error.cause === undefined
    ? error.message
    : `${error.message}: ${describeError(error.cause)}`
}

/** The system's error code (`ECONNREFUSED`, `ENOSPC`, …) of anything thrown, if it has one. */
export function systemCode(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}
