// What does an exit code mean? The same for every verb; docs/commands.md lists them.

import { Fault, type FaultCode } from '../foundation/fault.ts'

/** The exit codes of `alwayson`. */
export const exit = {
  done: 0,
  /** What was asked for did not come about, or was rolled back. */
  failed: 1,
  /** The file or the command line says something that cannot be; nothing was touched. */
  bad: 2,
  /** No agent runs for this file. */
  noAgent: 3,
  /**
   * Of `up`: an operator ended everything by `down`, so nobody should start it again. systemd and
   * the LSB give names of their own to 2 to 7, 64 to 78 and 200 up (systemd.exec(5)).
   */
  toldToEnd: 10,
  /** Ctrl-C ended the waiting; what was asked for goes on. 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const

/** One of the exit codes. */
export type ExitCode = (typeof exit)[keyof typeof exit]

const special: Partial<Record<FaultCode, ExitCode>> = {
  'bad-file': exit.bad,
  'bad-usage': exit.bad,
  'not-running': exit.noAgent,
}

/** The exit code for anything thrown. */
export const exitOf = (thrown: unknown): ExitCode =>
  (thrown instanceof Fault ? special[thrown.code] : undefined) ?? exit.failed
