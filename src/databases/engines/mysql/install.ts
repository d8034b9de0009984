// Makes the data folder of an empty server: its system tables, and the account we come in by.

import { rmSync } from 'node:fs'
import { Fault } from '../../../foundation/fault.ts'
import { ms } from '../../../foundation/time.ts'
import { writeMark } from '../mysql-kin/data-folder.ts'
import { draftOf, shapingOptions } from '../mysql-kin/drafts.ts'
import { nameOf } from '../mysql-kin/kin.ts'
import { makeFolder, run } from '../mysql-kin/processes.ts'
import { Session } from '../mysql-kin/session.ts'
import { identified } from './accounts.ts'
import type { MysqlServer } from './server.ts'
import { isAllowed } from './settings.ts'

/** For an empty server to end. */
const endWithin = ms(30_000)

/** Makes an empty database in the draft folder, over whatever was left there; it is stopped. */
export async function install(server: MysqlServer, signal: AbortSignal): Promise<void> {
  const { options, programs, owner } = server
  const draft = draftOf(options.data)
  rmSync(draft, { recursive: true, force: true })
  makeFolder(options.run, owner)
  makeFolder(draft, owner)
  const shape = shapingOptions(options.settings, (name, value) =>
    isAllowed(programs.words, name, value),
  )
  try {
    // The manual, "Initializing the Data Directory": root has no password until it is taken away.
    const first = ['--no-defaults', '--initialize-insecure', '--secure-file-priv=NULL']
    const args = [...first, `--datadir=${draft}`, ...shape]
    await run(programs.server, args, { owner, cwd: draft }, signal)
    await makeOurs(server, draft, signal)
  } catch (cause) {
    if (cause instanceof Fault && cause.code === 'timed-out') throw cause
    throw new Fault('failed', `cannot make the data of ${options.member} in ${draft}`, {
      cause,
      remedy: `see that there is room, and that the server’s user can enter ${draft}`,
    })
  }
  mark(server, draft, undefined)
}

/** Nobody comes in meanwhile: it listens nowhere but in a folder that is its own. */
async function makeOurs(server: MysqlServer, draft: string, signal: AbortSignal): Promise<void> {
  const { admin } = server.options.accounts
  await server.startAlone(draft, signal)
  try {
    using session = await Session.open(
      { socket: server.socket },
      { user: 'root', password: '' },
      signal,
    )
    const statements = [
      'SET SESSION sql_log_bin = OFF',
      'SET GLOBAL super_read_only = OFF',
      'SET GLOBAL read_only = OFF',
      `CREATE USER ${nameOf(admin.user)}
        ${identified(admin.password)}`,
      `GRANT ALL PRIVILEGES ON *.* TO ${nameOf(admin.user)} WITH GRANT OPTION`,
      `ALTER USER 'root'@'localhost' ACCOUNT LOCK`,
      // Its own first steps are no part of anybody's history.
      server.programs.words.resetLogs,
    ]
    for (const each of statements) await session.query(each, signal)
  } finally {
    await server.end(endWithin)
  }
}

/** Writes whose data these are. */
export function mark(server: MysqlServer, folder: string, identity: string | undefined): void {
  const { database } = server.options
  writeMark(folder, { database, identity, version: server.product.version })
}
