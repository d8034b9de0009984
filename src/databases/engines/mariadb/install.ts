// Makes the data folder of an empty server: its system tables, and the account we come in by.

import { chownSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeWhole } from '../../../control/whole-file.ts'
import { Fault } from '../../../foundation/fault.ts'
import { writeMark } from '../mysql-kin/data-folder.ts'
import { draftOf, shapingOptions } from '../mysql-kin/drafts.ts'
import { makeFolder, run } from '../mysql-kin/processes.ts'
import { firstStatements } from './accounts.ts'
import { formatGtid, parseGtids } from './gtid.ts'
import type { MariadbServer } from './server.ts'
import { binaryLog, refusalOf } from './settings.ts'

/** Makes an empty database in the draft folder, over whatever was left there. */
export async function install(server: MariadbServer, signal: AbortSignal): Promise<string> {
  const { options, programs, owner } = server
  const draft = draftOf(options.data)
  rmSync(draft, { recursive: true, force: true })
  makeFolder(options.run, owner)
  makeFolder(draft, owner)
  const statements = join(options.run, 'first.sql')
  writeFileSync(statements, `${firstStatements(options.accounts).join(';\n')};\n`, { mode: 0o600 })
  if (owner !== undefined) chownSync(statements, owner.uid, owner.gid)
  try {
    await run(
      programs.install,
      [
        '--no-defaults',
        `--datadir=${draft}`,
        '--auth-root-authentication-method=socket',
        '--skip-test-db',
        '--skip-name-resolve',
        // Two of them at once must not meet in a folder that they share.
        `--tmpdir=${draft}`,
        `--extra-file=${statements}`,
        ...shapingOptions(options.settings, (name, value) => refusalOf(name, value) === undefined),
      ],
      { owner, cwd: draft },
      signal,
    )
  } catch (cause) {
    throw new Fault('failed', `cannot make the data of ${options.member} in ${draft}`, {
      cause,
      remedy: `see that there is room, and that the server’s user can enter ${draft}`,
    })
  } finally {
    rmSync(statements, { force: true })
  }
  mark(server, draft, undefined)
  return draft
}

/** Writes whose data these are. */
export function mark(server: MariadbServer, folder: string, identity: string | undefined): void {
  const { database } = server.options
  writeMark(folder, { database, identity, version: server.programs.version })
}

/**
 * Says in data without any log where that will begin: after `gtids`. A server reads it when it
 * first starts there. Whoever asks for what comes next is served then, and nobody who copies this
 * member takes its log for all there is.
 */
export function beginLog({ owner }: MariadbServer, folder: string, gtids: string): void {
  const state = join(folder, `${binaryLog}.state`)
  writeWhole(
    state,
    parseGtids(gtids)
      .map((gtid) => `${formatGtid(gtid)}\n`)
      .join(''),
  )
  if (owner !== undefined) chownSync(state, owner.uid, owner.gid)
}
