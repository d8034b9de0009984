// `alwayson databases` and `alwayson url`: how they are, and how an application reaches one.

import { Fault } from '../foundation/fault.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { databaseLines, databaseStory } from './view/databases.ts'
import { paintOf } from './view/style.ts'

/** What `databases` may be told. */
export interface DatabasesOptions {
  readonly json?: boolean
}

/** Shows every database, or one of them, with all that is known of it. */
export async function databases(
  ports: Ports,
  name: string | undefined,
  { json = false }: DatabasesOptions,
): Promise<ExitCode> {
  const status = await ports.agent.ask('/status', {}, ports.interrupted)
  const all = status.databases ?? []
  const shown = all.filter((one) => name === undefined || one.name === name)
  if (name !== undefined && shown.length === 0) throw notFound(name, all)
  if (json) {
    ports.out.write(`${JSON.stringify(name === undefined ? shown : shown[0], undefined, 2)}\n`)
    return exit.done
  }
  if (shown.length === 0) {
    ports.out.write('this file has no databases\n')
    return exit.done
  }
  const [width, paint] = [Math.min(ports.out.columns, 160), paintOf(ports.out)]
  const [, ...table] = databaseLines({ ...status, databases: shown }, width, paint)
  const stories = shown.flatMap((one) => databaseStory(one, status.now, width, paint))
  ports.out.write(`${[...table, ...stories].join('\n')}\n`)
  return exit.done
}

const notFound = (name: string, all: readonly { readonly name: string }[]): Fault =>
  new Fault('not-found', `there is no database ${name}`, {
    remedy:
      all.length === 0
        ? 'this file has no databases'
        : `there are ${all.map((one) => one.name).join(', ')}`,
  })

/**
 * Prints how an application reaches a database, with its password, and nothing else: for
 * `psql "$(alwayson url orders)"`. Whoever may ask the agent may know it: its socket is private.
 */
export async function url(
  ports: Ports,
  database: string,
  { read = false }: { readonly read?: boolean },
): Promise<ExitCode> {
  const question = { database, door: read ? 'read' : 'write' } as const
  const answer = await ports.agent.ask('/database-url', question, ports.interrupted)
  ports.out.write(`${answer.url}\n`)
  return exit.done
}
