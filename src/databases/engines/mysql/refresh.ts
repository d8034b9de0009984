// Does a running server have the settings and the programs that it should? Whatever differs waits
// for a start: nothing is given to it as it runs.

import { readWhole } from '../../../control/whole-file.ts'
import { describeError } from '../../../foundation/fault.ts'
import type { Refreshed } from '../../engine.ts'
import { changesBetween } from '../mysql-kin/in-force.ts'
import { otherProgram } from '../running-program.ts'
import { mysql } from './kin.ts'
import { findPrograms, type Programs } from './programs.ts'
import type { MysqlServer } from './server.ts'
import { versionIn } from './words.ts'

/** Rejects where the server does not answer. */
export async function refresh(server: MysqlServer, signal: AbortSignal): Promise<Refreshed> {
  let programs: Programs
  try {
    programs = await findPrograms(server.options.home)
  } catch (thrown) {
    return { outdated: undefined, refused: describeError(thrown) }
  }
  const { version } = await server.one('SELECT VERSION() AS version', signal)
  const running = versionIn(String(version))
  const [found, now] = [programs.version.join('.'), running?.join('.')]
  const what = `it runs MySQL ${now}, and ${programs.server} is ${found}`
  if (running?.slice(0, 2).join() !== programs.version.slice(0, 2).join()) {
    const refused = `${what}: another series does not take over its data as it runs`
    return { outdated: undefined, refused }
  }
  server.programs = programs
  await server.renewTls(mysql.reloadTls, signal)
  const other = found === now ? otherProgram(server.options.host, programs.server) : what
  const inForce = readWhole(server.configurationFile)
  const changes = inForce === undefined ? [] : changesBetween(inForce, server.configuration)
  const names = changes.map(({ name }) => name).join(', ')
  const settings = names === '' ? undefined : `other settings of the file: ${names}`
  const reasons = [other, settings].filter((each) => each !== undefined)
  return {
    outdated: reasons.length === 0 ? undefined : reasons.join('; '),
    refused: undefined,
  }
}
