// `alwayson unit`: gathers from the file and this machine what its systemd unit depends on.

import { userInfo } from 'node:os'
import { resolve } from 'node:path'
import { rightSpec } from './check.ts'
import { ownCommand } from './detach.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Whereabouts } from './locate.ts'
import type { Ports } from './ports.ts'
import { readFile } from './reading.ts'
import { unitText } from './unit.ts'

/** Prints the unit of the file that is meant, for the user who asks. */
export async function unit(ports: Ports, where: Whereabouts): Promise<ExitCode> {
  const file = await readFile(where)
  const spec = rightSpec(ports, file)
  if (spec === undefined) return exit.bad
  const { username, uid } = userInfo()
  ports.out.write(
    unitText({
      spec,
      file: file.path,
      command: ownCommand([]),
      state: where.state === undefined ? undefined : resolve(where.state),
      user: { name: username, isRoot: uid === 0 },
      variables: Object.keys(file.env),
    }),
  )
  return exit.done
}
