// Does a running server have the settings and the programs that it should? Those settings that it
// can take as it runs are given to it.

import { join } from 'node:path'
import { Fault } from '../../../foundation/fault.ts'
import type { Refreshed } from '../../engine.ts'
import { refusesPlain } from '../../member-tls.ts'
import { otherProgram } from '../running-program.ts'
import type { Programs } from './programs.ts'
import type { Server } from './server.ts'
import type { Row, Session } from './session.ts'

/** What the file says and the server would not take (config docs, 54.7 and 54.24). */
const faults = `SELECT name, setting, error FROM pg_file_settings
  WHERE error IS NOT NULL AND coalesce(name, '') NOT IN
    (SELECT name FROM pg_settings WHERE pending_restart)`

/** A stream that was begun in the clear goes on until it is begun anew. */
const endPlainStreams = `SELECT pg_terminate_backend(r.pid)
  FROM pg_stat_replication r JOIN pg_stat_ssl s USING (pid)
 WHERE NOT s.ssl AND r.client_addr IS NOT NULL`

const pending = 'SELECT name FROM pg_settings WHERE pending_restart ORDER BY name'

/** Rejects where the server does not answer. */
export async function refresh(server: Server, signal: AbortSignal): Promise<Refreshed> {
  // Others may have been installed in their place.
  server.forget()
  let programs: Programs
  try {
    programs = await server.programs()
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return { outdated: undefined, refused: `${thrown.message}; ${thrown.remedy}` }
  }
  await server.writeConfiguration(programs)
  using session = await server.connect(signal)
  // Reading the file marks what would need a restart, in this session only.
  await session.query('SELECT 1 FROM pg_file_settings', signal)
  const refused = await session.query(faults, signal)
  if (refused.length > 0) return { outdated: undefined, refused: refused.map(saying).join('; ') }
  await server.reload(signal, session)
  await server.applyAgain(signal, session)
  if (refusesPlain(server.options)) await session.query(endPlainStreams, signal)
  using fresh = await server.connect(signal)
  const names = (await fresh.query(pending, signal)).map(({ name }) => String(name))
  const running = await versionOf(fresh, signal)
  const program =
    running === programs.version
      ? otherProgram(server.options.host, join(programs.folder, 'postgres'))
      : `it runs PostgreSQL ${running}, and ${programs.folder} holds ${programs.version}`
  const settings =
    names.length === 0 ? undefined : `other settings of the file: ${names.join(', ')}`
  const reasons = [program, settings].filter((each) => each !== undefined)
  return { outdated: reasons.length === 0 ? undefined : reasons.join('; '), refused: undefined }
}

const saying = ({ name, setting, error }: Row): string =>
  name === null ? String(error) : `\`${name}: ${setting}\` of settings: is refused: ${error}`

/** `15.18`, without what a distributor adds. */
async function versionOf(session: Session, signal: AbortSignal): Promise<string> {
  const { version } = await session.row(
    "SELECT current_setting('server_version') AS version",
    signal,
  )
  return String(version).split(' ')[0] ?? ''
}
