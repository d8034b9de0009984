// `alwayson file`: the file that is in force, whichever machine it was applied on.

import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'

/** Prints the text; which version it is goes to standard error, so that the text can be kept. */
export async function file(ports: Ports): Promise<ExitCode> {
  const { version, by, text } = await ports.agent.ask('/file', {}, ports.interrupted)
  if (version !== undefined) ports.err.write(`version ${version}, applied on ${by}\n`)
  ports.out.write(text.endsWith('\n') ? text : `${text}\n`)
  return exit.done
}
