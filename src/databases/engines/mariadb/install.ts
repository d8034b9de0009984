// Makes the data folder of an empty server: its system tables, and the account we come in by.

import { chownSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../../../foundation/fault.ts'
import { firstStatements } from './accounts.ts'
import { writeMark } from './data-folder.ts'
import { makeFolder, run } from './programs.ts'
import type { MariadbServer } from './server.ts'
import { canonicalName, refusalOf } from './settings.ts'

/** Where a folder is made before it takes its place whole. */
export const draftOf = (data: string): string => `${data}.new`

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
        ...innodbOptions(options.settings),
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

/** What shapes the files themselves has to be said when they are made. */
const innodbOptions = (settings: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(settings)
    .filter(([name, value]) => refusalOf(name, value) === undefined)
    .filter(([name]) => canonicalName(name).startsWith('innodb_'))
    .map(([name, value]) => `--${name}=${value}`)

/** Writes whose data these are. */
export function mark(server: MariadbServer, folder: string, identity: string | undefined): void {
  const { database } = server.options
  writeMark(folder, { database, identity, version: server.programs.version })
}

/** Puts the complete draft in the place of what was there. */
export function putInPlace(data: string): void {
  const old = `${data}.old`
  rmSync(old, { recursive: true, force: true })
  if (existsSync(data)) renameSync(data, old)
  renameSync(draftOf(data), data)
  rmSync(old, { recursive: true, force: true })
}
