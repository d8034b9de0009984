// What the definitions of the verbs have in common.

import { type Command, Option } from 'commander'
import type { StatePaths } from '../../agent/paths.ts'
import type { ExitCode } from '../exit.ts'
import type { Whereabouts } from '../locate.ts'
import type { Ports } from '../ports.ts'
import { durationOption, numberOption } from '../usage.ts'

/** Hears how a verb ended. */
export type Done = (code: ExitCode) => void

/** An option whose value is a length of time. */
export const duration = (flags: string, description: string): Option =>
  new Option(flags, description).argParser(durationOption)

/** An option whose value is a whole number. */
export const number = (flags: string, description: string): Option =>
  new Option(flags, description).argParser(numberOption)

/** What the command line says about the file and its state; an argument goes before `--file`. */
export function whereOf(command: Command, argument?: string): Whereabouts {
  const { file, state } = command.optsWithGlobals<Whereabouts>()
  // A variable that is set to nothing names no folder, least of all the one we are in.
  return { file: argument ?? file, state: state === '' ? undefined : state }
}

/** Where the state of the file that is meant lives. */
export async function pathsOf(where: Whereabouts): Promise<StatePaths> {
  const { findState } = await import('../locate.ts')
  return findState(where)
}

/** The ports of a verb that speaks to the agent of the file that is meant. */
export async function portsOf(command: Command, argument?: string): Promise<Ports> {
  const where = whereOf(command, argument)
  const { openPorts } = await import('../terminal.ts')
  return openPorts(async () => (await pathsOf(where)).socket)
}
