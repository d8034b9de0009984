// How the process in the background tells the one that started it how it went: once, by message.

import { describeError, Fault, type FaultCode } from '../foundation/fault.ts'

/** What is reported. */
export type Report =
  | { readonly kind: 'ready'; readonly pid: number }
  | {
      readonly kind: 'fault'
      readonly code: FaultCode
      readonly message: string
      readonly cause: string | undefined
      readonly remedy: string | undefined
    }

/** A failure in the form in which it is reported. A mistake of ours keeps its stack. */
export function reportOf(thrown: unknown): Report {
  if (!(thrown instanceof Fault)) {
    const said = Error.isError(thrown) ? (thrown as Error).stack : undefined
    const message = said ?? String(thrown)
    return { kind: 'fault', code: 'failed', message, cause: undefined, remedy: undefined }
  }
  const { code, message, cause, remedy } = thrown
  const because = cause === undefined ? undefined : describeError(cause)
  return { kind: 'fault', code, message, cause: because, remedy }
}

/** The Fault that was reported. */
export const faultOf = ({ code, message, cause, remedy }: Report & { kind: 'fault' }): Fault =>
  new Fault(code, message, {
    remedy,
    ...(cause === undefined ? {} : { cause: new Error(cause) }),
  })

/** Tells the parent process, and lets go of it. A parent that is gone need not be told. */
export async function tellParent(report: Report): Promise<void> {
  if (!process.connected) return
  await new Promise<void>((resolve) => {
    process.send?.(report, undefined, undefined, () => resolve())
  })
  process.disconnect?.()
}
