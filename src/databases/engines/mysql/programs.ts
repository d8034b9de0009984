// Where are the programs of an installed MySQL, and of which version?

import { Fault } from '../../../foundation/fault.ts'
import { findProgram, run } from '../mysql-kin/processes.ts'
import { isAtLeast, oldest, type Version, versionIn, type Words, wordsOf } from './words.ts'

/** What is installed. */
export interface Programs {
  readonly server: string
  /** Reads binary logs. */
  readonly binlog: string
  readonly version: Version
  readonly words: Words
}

/** The client, which repeats a log. Throws a Fault where it is not installed. */
export const findClient = (home: string | undefined): string => findProgram(['mysql'], home, remedy)

const remedy = 'install MySQL 8.0.23 or later, or name its folder with `home:`'

/** Finds the programs and asks the server for its version. Rejects with a Fault. */
export async function findPrograms(home: string | undefined): Promise<Programs> {
  const server = findProgram(['mysqld'], home, remedy)
  const said = await run(server, ['--no-defaults', '--version'], {}, AbortSignal.timeout(60_000))
  const version = versionIn(said)
  if (version === undefined) {
    throw new Fault('unsupported', `${server} is no MySQL server`, { remedy })
  }
  if (!isAtLeast(version, oldest)) {
    throw new Fault('incompatible', `${server} is MySQL ${version.join('.')}`, { remedy })
  }
  const binlog = findProgram(['mysqlbinlog'], home, remedy)
  return { server, binlog, version, words: wordsOf(version) }
}
