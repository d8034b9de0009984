// Where compiled code is kept: a folder of the user's own, not the shared temporary folder, because
// what lies there is executed.

import { homedir } from 'node:os'
import { join } from 'node:path'

export const compiled =
  process.env.NODE_COMPILE_CACHE ||
  join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'alwayson', 'compiled')
