// Is another process doing this just now? Told by a name that the kernel gives back when its holder
// ends, however it ends: an abstract socket (unix(7)).

import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { systemCode } from '../foundation/fault.ts'

/**
 * Runs `deed` while no other process on this machine runs one of the same `name`; resolves to false
 * at once, without running it, when one does.
 */
export async function alone(name: string, deed: () => Promise<void>): Promise<boolean> {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 32)
  const server = createServer((socket) => socket.destroy())
  const isFree = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (thrown) => {
      if (systemCode(thrown) === 'EADDRINUSE') resolve(false)
      else reject(thrown)
    })
    server.listen(`\0alwayson-alone-${digest}`, () => resolve(true))
  })
  if (!isFree) return false
  try {
    await deed()
    return true
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}
