// Which version is this? The one of the package that this file belongs to.

import { readFileSync } from 'node:fs'

/** The version of Always On that runs. */
export const version: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
).version
