// What a replica writes to: a true pipe. Node makes socket pairs instead, and a program that opens
// /dev/stdout or /dev/stderr by name (nginx as in containers, many a shell script) fails on those.

import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'

/** One pipe: its reader stays here, its write end goes to the process. */
export interface Pipe {
  readonly reader: Readable
  readonly writeEnd: number
}

/**
 * Two pipes, by way of named ones that are gone again on return; `undefined` where that cannot be
 * (no mkfifo, no space, a file system without them): node's own then have to do. The write ends
 * are closed by the disposal.
 */
export function openPipes(path: string): (readonly [Pipe, Pipe] & Disposable) | undefined {
  const names = [`${path}.out`, `${path}.err`] as const
  for (const name of names) rmSync(name, { force: true })
  const made = spawnSync('mkfifo', ['-m', '600', ...names], { stdio: 'ignore' })
  try {
    if (made.status !== 0) return undefined
    const pipes = [openPipe(names[0]), openPipe(names[1])] as const
    const close = (): void => {
      for (const { writeEnd } of pipes) closeSync(writeEnd)
    }
    return Object.assign(pipes, { [Symbol.dispose]: close })
  } finally {
    for (const name of names) rmSync(name, { force: true })
  }
}

/**
 * The read end first and without waiting: either end would wait for the other (fifo(7)). The end
 * for writing can be read from too: a replica whose guard dies holds a reader itself, so that its
 * next line does not end it (SIGPIPE) before it has finished what it has begun.
 */
function openPipe(name: string): Pipe {
  const readEnd = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK)
  const writeEnd = openSync(name, constants.O_RDWR)
  const reader = new Socket({ fd: readEnd, readable: true, writable: false })
  return { reader, writeEnd }
}
