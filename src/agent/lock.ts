// Who is the agent of this file? The process that holds a name which the kernel gives back by
// itself when its holder dies, however it dies.

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
