// Could a member be started by the programs that its file names? Asked before anything is changed.

import type { CheckPrograms } from '../../engine.ts'
import { assertOurs, readMark, stateOf } from '../mysql-kin/data-folder.ts'
import { findPrograms } from './programs.ts'

export const checkMysqlPrograms: CheckPrograms = async ({ home, data }) => {
  const { version } = await findPrograms(home)
  const mark = readMark(data)
  // Whatever else lies there is told when it is to be used.
  if (mark === undefined) return
  const product = { name: 'MySQL', version: version.join('.') }
  assertOurs(data, stateOf(data, mark.database, product))
}
