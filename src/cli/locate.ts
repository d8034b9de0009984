// Which file is meant, and where does its state live?

import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type StatePaths, statePaths } from '../agent/paths.ts'
import { Fault } from '../foundation/fault.ts'

/** The names looked for when no file is named, the first found is meant. */
export const usualNames: readonly string[] = ['alwayson.yaml', 'alwayson.yml', 'haproxy.cfg']

/** What the command line says about the file and its state. */
export interface Whereabouts {
  readonly file?: string | undefined
  readonly state?: string | undefined
}

/** The file that is meant, as an absolute path. Throws a Fault if none is named and none found. */
export function findFile({ file }: Whereabouts, folder = process.cwd()): string {
  if (file !== undefined) return resolve(folder, file)
  const found = usualNames.find((name) => existsSync(join(folder, name)))
  if (found !== undefined) return join(folder, found)
  throw new Fault('bad-usage', `there is no ${orList(usualNames)} in ${folder}`, {
    remedy: 'name the file, or go to its folder',
  })
}

/** Where the state of the file that is meant lives. A named state folder needs no file. */
export function findState(where: Whereabouts, folder = process.cwd()): StatePaths {
  if (where.state !== undefined) return statePaths('', resolve(folder, where.state))
  return statePaths(findFile(where, folder), undefined)
}

const orList = (words: readonly string[]): string =>
  `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
