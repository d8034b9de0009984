// How the processes of one machine talk: lines of JSON over a socket in a private folder.

import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { createServer, type Socket, connect as socketTo } from 'node:net'
import { dirname } from 'node:path'
import { Fault, systemCode } from '../foundation/fault.ts'
import { encodeLine, lineDecoder } from '../wire/lines.ts'

/** One open connection to another process of ours. */
export interface Link<Out> {
  /** Queues a message; after the link has ended it is dropped, which `ended` has told. */
  send(message: Out): void
  /** Ends the link after what was sent; from then on it does not keep this process alive. */
  close(): void
  /** Ends the link at once: the other side may be frozen and never take what was sent. */
  drop(): void
}

/** What the owner of a link hears. */
export interface LinkListener<In> {
  message(message: In): void
  /** Called once, whatever ended it. */
  ended(why: Error | undefined): void
}

/** Whoever does not read what was sent to it loses its link: memory stays bounded. */
const unreadBytesMost = 64 * 1024 * 1024

/** The longest socket path that Linux takes: 108 bytes with the closing zero (unix(7)). */
export const socketPathBytesMost = 107

/** Throws a Fault that says what to do if `path` is too long to be a socket. */
export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path)
  if (length <= socketPathBytesMost) return
  throw new Fault(
    'bad-usage',
    `the socket path ${path} has ${length} bytes, the system allows 107`,
    {
      remedy: 'name a folder with a shorter path: --state DIR, or ALWAYSON_STATE=DIR',
    },
  )
}

function attach<Out, In>(socket: Socket, listener: LinkListener<In>): Link<Out> {
  const decode = lineDecoder()
  let over = false
  const end = (why: Error | undefined): void => {
    if (over) return
    over = true
    socket.destroy()
    listener.ended(why)
  }
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    try {
      for (const value of decode(chunk)) listener.message(value as In)
    } catch (thrown) {
      end(thrown as Error)
    }
  })
  socket.on('error', end)
  socket.on('close', () => end(undefined))
  return {
    send: (message) => {
      if (over) return
      socket.write(encodeLine(message))
      if (socket.writableLength <= unreadBytesMost) return
      end(new Fault('failed', `the other side has not read ${unreadBytesMost} bytes`))
    },
    close: () => {
      // What was sent goes out; a frozen peer that never closes its side keeps no process waiting.
      socket.end(() => socket.unref())
    },
    drop: () => end(undefined),
  }
}

/**
 * Opens a link to the process that listens at `path`. Rejects with a Fault `unreachable` when
 * nobody does.
 */
export function openLink<Out, In>(path: string, listener: LinkListener<In>): Promise<Link<Out>> {
  checkSocketPath(path)
  return new Promise((resolve, reject) => {
    const socket = socketTo(path)
    const refuse = (cause: Error): void =>
      reject(new Fault('unreachable', `nobody listens at ${path}`, { cause }))
    socket.once('error', refuse)
    socket.once('connect', () => {
      socket.off('error', refuse)
      resolve(attach<Out, In>(socket, listener))
    })
  })
}

/** A socket that takes links until it is disposed. */
export interface LinkServer extends Disposable {
  readonly path: string
}

/**
 * Listens at `path`, which only this user can reach: the socket is 0600 from its first moment on,
 * and the folder is made 0700 unless it is there. A socket that a dead process left behind is
 * replaced; the caller must know that no living one owns it.
 */
export function listenForLinks<Out, In>(
  path: string,
  accept: (link: Link<Out>) => LinkListener<In>,
): Promise<LinkServer> {
  checkSocketPath(path)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  rmSync(path, { force: true })
  const server = createServer((socket) => {
    let listener: LinkListener<In> | undefined
    const link = attach<Out, In>(socket, {
      message: (message) => listener?.message(message),
      ended: (why) => listener?.ended(why),
    })
    listener = accept(link)
  })
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new Fault('failed', `cannot listen at ${path} (${systemCode(cause)})`, { cause })),
    )
    const close = (): void => {
      server.close()
      rmSync(path, { force: true })
    }
    privately(() =>
      server.listen(path, () => {
        try {
          chmodSync(path, 0o600)
          resolve({ path, [Symbol.dispose]: close })
        } catch (cause) {
          close()
          reject(new Fault('failed', `cannot listen at ${path} (${systemCode(cause)})`, { cause }))
        }
      }),
    )
  })
}

/** What is made meanwhile is this user's alone at once: who may connect is asked of its mode. */
function privately(make: () => void): void {
  const before = process.umask(0o077)
  try {
    make()
  } finally {
    process.umask(before)
  }
}
