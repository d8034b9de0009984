// Copies a running server into a folder: no program of PostgreSQL is needed for it.

import { mkdirSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { putOnDisk } from '../../../control/on-disk.ts'
import type { Progress } from '../../engine.ts'
import { streamBase } from './base-stream.ts'
import { FileSums } from './manifest.ts'
import { give, type Owner } from './owner.ts'
import type { Session } from './session.ts'
import { Unpacker } from './tar.ts'

/** Copies into `folder`, which is made; what is there is whole and on disk once this resolves. */
export async function receiveBaseBackup(
  session: Session,
  folder: string,
  owner: Owner | undefined,
  label: string,
  major: number,
  progress: (progress: Progress) => void,
): Promise<void> {
  mkdirSync(folder, { mode: 0o700 })
  give(folder, owner)
  const sums = new FileSums()
  const unpacker = new Unpacker(folder, owner, sums.take)
  try {
    const { manifest } = await streamBase(
      session,
      { label, major },
      (bytes) => unpacker.write(bytes),
      (done, of) =>
        progress({ step: 'copying', done, of: of === undefined ? undefined : Math.max(of, done) }),
    )
    await unpacker.end()
    if (manifest.length > 0) sums.check(manifest.toString('utf8'))
    await putAllOnDisk(folder, session)
  } catch (thrown) {
    await unpacker.abandon()
    throw thrown
  }
}

/**
 * Before it takes the place of anything: what a loss of power took from it would look like empty
 * tables. The session ends with whoever waits for this.
 */
async function putAllOnDisk(folder: string, session: Session): Promise<void> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const { parentPath, name } of found) {
    if (session.isOver) throw new Error('it was given up before it was on disk')
    await putOnDisk(join(parentPath, name))
  }
  await putOnDisk(folder)
}
