// Bytes to lines of JSON and back: how the processes of one machine talk to each other. Pure.

import { Fault } from '../foundation/fault.ts'

/** A longer line is refused: memory stays bounded whatever the other side sends. */
export const lineBytesMost = 16 * 1024 * 1024

/** A value as one line. */
export const encodeLine = (value: unknown): string => `${JSON.stringify(value)}\n`

/**
 * Cuts a stream into values: feed it chunks, it returns the values that each completes. Throws a
 * Fault `corrupt` at a line that is not JSON or longer than `lineBytesMost`.
 */
export function lineDecoder(): (chunk: string) => readonly unknown[] {
  let rest = ''
  return (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > lineBytesMost) {
      throw new Fault('corrupt', `a line is longer than ${lineBytesMost} bytes`)
    }
    return lines.filter((line) => line !== '').map(parseLine)
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new Fault('corrupt', `not a line of JSON: ${line.slice(0, 80)}`, { cause })
  }
}
