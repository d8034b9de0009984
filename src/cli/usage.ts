// What the command line said that cannot be: commander's words in the form of all our faults.

import { type CommanderError, InvalidArgumentError } from 'commander'
import { Fault } from '../foundation/fault.ts'
import { type Milliseconds, parseDuration } from '../foundation/time.ts'

/**
 * The Fault for what commander refused; `undefined` for what was no fault (help, version). The
 * nearest word that it suggests becomes the remedy.
 */
export function usageFault(error: CommanderError, verb: string | undefined): Fault | undefined {
  if (error.exitCode === 0) return undefined
  const help = verb === undefined ? 'alwayson --help' : `alwayson ${verb} --help`
  if (error.code === 'commander.help')
    return new Fault('bad-usage', 'say what to do', { remedy: help })
  const [, message = '', nearest] =
    /^error: (.*?)(?:\n\(Did you mean (?:one of )?([^?]*)\?\))?$/s.exec(error.message) ?? []
  return new Fault('bad-usage', message.replace(/^unknown command/, 'unknown verb'), {
    remedy: nearest === undefined ? `${help} shows what can be said` : `did you mean ${nearest}?`,
  })
}

/** Reads the value of an option that is a length of time. */
export function durationOption(text: string): Milliseconds {
  const length = parseDuration(text)
  if (length !== undefined && length > 0) return length
  throw new InvalidArgumentError('A length of time is written 500ms, 10s, 2m or 1h.')
}

/** Reads the value of an option that is a whole number. */
export function numberOption(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('A whole number is expected.')
}
