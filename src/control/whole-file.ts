// A file that this user alone can read, and that is there whole or not at all.

import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { Fault, systemCode } from '../foundation/fault.ts'
import { isRefusal, notOurs } from './owner.ts'

/** Its text; `undefined` if there is no such file. Throws a `Fault` that names it. */
export function readWhole(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined
    if (isRefusal(cause)) throw notOurs(path, path, cause)
    throw new Fault('failed', `cannot read ${path}`, { cause })
  }
}

/**
 * Puts `text` there (0600), on disk before it takes the place of what was there. Throws a `Fault`
 * that names the file; what was there is then as it was, and nothing is left beside it.
 */
export const writeWhole = (path: string, text: string): void => put(path, text, fsyncSync)

/**
 * The same of what is written anew before it is needed after a loss of power, which it may not
 * outlive: nobody waits for the disk.
 */
export const writeForNow = (path: string, text: string): void => put(path, text, () => {})

function put(path: string, text: string, settle: (file: number) => void): void {
  const draft = `${path}.new`
  try {
    // A draft that was left there may be open to others: it is not written to.
    rmSync(draft, { force: true })
    const file = openSync(draft, 'wx', 0o600)
    try {
      writeSync(file, text)
      settle(file)
    } finally {
      closeSync(file)
    }
    renameSync(draft, path)
  } catch (cause) {
    rmSync(draft, { force: true })
    throw new Fault('failed', `cannot write ${path}`, { cause })
  }
}
