// A file that this user alone can read, and that is there whole or not at all.

import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { Fault, systemCode } from '../foundation/fault.ts'
import { putFolderOnDisk } from './on-disk.ts'
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
 * Puts `text` there (0600), on disk before it takes the place of what was there, and still there
 * after a loss of power once this returns. Throws a `Fault` that names the file; what was there is
 * then as it was, and nothing is left beside it. Where the disk fails at the last step alone, the
 * new file is there, and a loss of power may bring back the one before.
 */
export function writeWhole(path: string, text: string): void {
  put(path, text, fsyncSync)
  try {
    putFolderOnDisk(dirname(path))
  } catch (cause) {
    throw new Fault('failed', `cannot put ${path} on disk`, { cause })
  }
}

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
      // A nearly full disk takes a part of it without an error: this goes on until all is written.
      writeFileSync(file, text)
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
