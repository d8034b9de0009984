// Who is the agent of this file? The process that holds a name which the kernel gives back by
// itself when its holder dies, however it dies.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { Fault, systemCode } from '../foundation/fault.ts'

/**
 * Takes the lock, or resolves to `undefined` if a living process holds it. The name is an abstract
 * socket (unix(7)): no file to go stale, no race between two that find it stale.
 */
export function takeLock(name: string): Promise<Disposable | undefined> {
  const server = createServer((socket) => socket.destroy())
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      if (systemCode(cause) === 'EADDRINUSE') resolve(undefined)
      else reject(new Fault('failed', 'cannot take the lock of this file', { cause }))
    })
    server.listen(name, () => {
      server.unref()
      resolve({ [Symbol.dispose]: () => server.close() })
    })
  })
}

/** Whether a living process holds the lock, without ever holding it oneself. */
export function isLocked(name: string): Promise<boolean> {
  const socket = connect(name)
  return new Promise((resolve, reject) => {
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (cause) => {
      if (systemCode(cause) === 'ECONNREFUSED') resolve(false)
      else reject(new Fault('failed', 'cannot ask for the lock of this file', { cause }))
    })
  })
}

/** Takes all of these that there are, or none and resolves to `undefined` if one is held. */
export async function takeLocks(
  names: readonly (string | undefined)[],
): Promise<Disposable | undefined> {
  using taken = new DisposableStack()
  for (const name of names) {
    const lock = name === undefined ? undefined : await takeLock(name)
    if (name !== undefined && lock === undefined) return undefined
    if (lock !== undefined) taken.use(lock)
  }
  return taken.move()
}

/** The process that holds the lock, if there is one and this user may see it (proc(5)). */
export function holderOf(name: string): number | undefined {
  const shown = name.replaceAll('\0', '@')
  const rows = readFileSync('/proc/net/unix', 'utf8').split('\n')
  const listening = rows
    .map((row) => row.split(' ').filter((word) => word !== ''))
    .find(([, , , flags, , , , path]) => path === shown && flags === acceptsConnections)
  const inode = listening?.[6]
  if (inode === undefined) return undefined
  const pids = readdirSync('/proc').filter((each) => /^\d+$/.test(each))
  return pids.map(Number).find((pid) => hasSocket(pid, inode))
}

/** __SO_ACCEPTCON: the others of this name are what has been accepted. */
const acceptsConnections = '00010000'

function hasSocket(pid: number, inode: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`
    return readdirSync(folder).some((fd) => readlinkSync(`${folder}/${fd}`) === `socket:[${inode}]`)
  } catch {
    // It has ended, or closed something meanwhile, or is another user's.
    return false
  }
}
