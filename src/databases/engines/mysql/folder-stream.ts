// A whole folder of data as one stream of bytes, and back: by `tar`, which is on every machine.

import { pipeline } from 'node:stream/promises'
import { Fault } from '../../../foundation/fault.ts'
import { ended, findProgram, makeFolder, type Owner, start } from '../mysql-kin/processes.ts'

const tar = (): string => findProgram(['tar'], undefined, 'install tar')

/** Gives all that is in `folder` to `take`. Rejects with a Fault if any of it cannot be read. */
export async function packFolder(
  folder: string,
  take: (bytes: AsyncIterable<Buffer>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const packer = start(tar(), ['--create', '--file=-', `--directory=${folder}`, '.'], {}, signal)
  if (packer.stdout === null) throw new Fault('failed', 'no pipe was made')
  // A pack that was broken off ends early: what it gave is kept by nobody then.
  const [taken, over] = await Promise.allSettled([take(packer.stdout), ended(packer, 'tar')])
  if (over.status === 'rejected') throw over.reason
  if (taken.status === 'rejected') throw taken.reason
}

/** Makes `folder` of what was packed, as files of `owner`. Rejects with a Fault. */
export async function unpackFolder(
  bytes: AsyncIterable<Buffer>,
  folder: string,
  owner: Owner | undefined,
  signal: AbortSignal,
): Promise<void> {
  makeFolder(folder, owner)
  const words = ['--extract', '--file=-', '--no-same-owner', '--preserve-permissions']
  const unpacker = start(tar(), words, { owner, cwd: folder }, signal)
  if (unpacker.stdin === null) throw new Fault('failed', 'no pipe was made')
  const [given, over] = await Promise.allSettled([
    pipeline(bytes, unpacker.stdin),
    ended(unpacker, 'tar'),
  ])
  if (given.status === 'rejected' && given.reason instanceof Fault) throw given.reason
  if (over.status === 'rejected') throw over.reason
  if (given.status === 'rejected') throw given.reason
}
