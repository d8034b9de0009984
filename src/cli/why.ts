// `alwayson why`: what holds a thing where it is, and the command that would move it.

import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { paintOf } from './view/style.ts'

/** Explains a service, a server, a replica or a frontend. */
export async function why(
  ports: Ports,
  subject: string,
  options: { readonly json?: boolean },
): Promise<ExitCode> {
  const explanation = await ports.agent.ask('/why', { subject }, ports.interrupted)
  if (options.json) {
    ports.out.write(`${JSON.stringify(explanation, undefined, 2)}\n`)
    return exit.done
  }
  const paint = paintOf(ports.out)
  const { now, remedies } = explanation
  const lines = [paint('strong', explanation.subject), ...now.map((reason) => `  ${reason}`)]
  if (remedies.length > 0) lines.push(paint('strong', 'what would help'))
  ports.out.write([...lines, ...remedies.map((remedy) => `  ${remedy}`), ''].join('\n'))
  return exit.done
}
