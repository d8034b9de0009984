// What does a member have that the primary does not, and how is it kept before it is lost?

import { createWriteStream, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Fault } from '../../../foundation/fault.ts'
import { closeKept } from '../../kept-tail.ts'
import { ended, start } from '../mysql-kin/processes.ts'
import { countGtids, formatGtidSet, type GtidSet } from './gtid-set.ts'
import type { MysqlServer } from './server.ts'
import { binaryLog } from './settings.ts'

/** The binary logs of a data folder, oldest first. */
export function logsIn(data: string): readonly string[] {
  const index = join(data, `${binaryLog}.index`)
  if (!existsSync(index)) return []
  return readFileSync(index, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => join(data, basename(line)))
    .filter((path) => existsSync(path))
}

/**
 * Keeps these transactions as text that the server's own client understands, with a summary, in the
 * folder `aside/<label>`. Resolves to that folder. The server is stopped, or runs as a replica.
 */
export async function keepTail(
  server: MysqlServer,
  tail: GtidSet,
  { label, primary }: { readonly label: string; readonly primary: string },
  signal: AbortSignal,
): Promise<string> {
  const folder = join(server.options.aside, label)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const gtids = formatGtidSet(tail)
  try {
    const read = start(
      server.programs.binlog,
      ['--no-defaults', `--include-gtids=${gtids}`, '--verbose', ...logsIn(server.options.data)],
      {},
      signal,
    )
    if (read.stdout === null) throw new Fault('failed', 'no pipe was made')
    const into = createWriteStream(join(folder, 'transactions.sql'), { mode: 0o600, flush: true })
    await Promise.all([ended(read, 'mysqlbinlog'), pipeline(read.stdout, into)])
  } catch (cause) {
    throw new Fault('failed', `what ${server.options.member} alone has could not be kept`, {
      remedy: `see that there is room for ${folder}: nothing is undone before`,
      cause,
    })
  }
  const summary = { member: server.options.member, primary, gtids, count: countGtids(tail) }
  await closeKept(folder, summary)
  return folder
}
