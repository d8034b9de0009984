// `alwayson maintenance`: tell the clients of a frontend or a service to come back later.

import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'

/** Closes it, or opens it again; what is in flight is answered all the same. */
export async function maintenance(ports: Ports, subject: string, on: boolean): Promise<ExitCode> {
  await ports.agent.ask('/maintenance', { subject, on }, ports.interrupted)
  ports.out.write(
    on
      ? `${subject} is closed: requests are answered 503; alwayson maintenance off ${subject}\n`
      : `${subject} serves again\n`,
  )
  return exit.done
}
