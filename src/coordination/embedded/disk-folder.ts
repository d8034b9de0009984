// The disk as a folder of the machine: files that are written where they are told and synced by
// the system's own means (fdatasync(2)).

import {
  closeSync,
  fdatasync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Disk, DiskFile } from './disk.ts'

function fileOf(fd: number): DiskFile {
  return {
    write(bytes, length, at) {
      for (let done = 0; done < length; ) {
        done += writeSync(fd, bytes, done, length - done, at + done)
      }
    },
    sync: (done) => fdatasync(fd, done),
    cut(length) {
      ftruncateSync(fd, length)
      fsyncSync(fd)
    },
    close: () => closeSync(fd),
  }
}

/** Opens a folder that exists and is the caller's alone; nobody else may read its files. */
export function openFolder(folder: string): Disk {
  const path = (name: string): string => join(folder, name)
  return {
    name: folder,
    list: () => readdirSync(folder),
    read: (name) => readFileSync(path(name)),
    sizeOf: (name) => statSync(path(name)).size,
    create: (name) => fileOf(openSync(path(name), 'w', 0o600)),
    open: (name) => fileOf(openSync(path(name), 'r+')),
    rename: (from, to) => renameSync(path(from), path(to)),
    remove: (name) => rmSync(path(name), { force: true }),
    sync() {
      const fd = openSync(folder, 'r')
      try {
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
    },
  }
}
