// Could a member be started by the programs that its file names? Asked before anything is changed.

import type { CheckPrograms } from '../../engine.ts'
import { assertOurs, readMark, stateOf } from '../mysql-kin/data-folder.ts'
import { findPrograms } from './programs.ts'

export const checkMariadbPrograms: CheckPrograms = async ({ home, data }) => {
  const { version } = await findPrograms(home)
  const mark = readMark(data)
  // Whatever else lies there is told when it is to be used.
  if (mark !== undefined)
    assertOurs(data, stateOf(data, mark.database, { name: 'MariaDB', version }))
}
