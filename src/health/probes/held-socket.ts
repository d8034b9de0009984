// Sockets that hold back the last packet of their handshake until something is said on them:
// whoever only wants to know whether a port is open, and then resets, never wakes its server.
// HAProxy's checks do the same.

import { createRequire } from 'node:module'

/** Makes a socket for addresses of a family; its descriptor, or -1 where the system has none. */
export type HeldSockets = (family: 4 | 6) => number

/** What is used of `node:ffi`, which is experimental: where it is not as here, nothing is held. */
interface Ffi {
  dlopen(
    library: null,
    functions: Readonly<Record<string, { arguments: readonly string[]; return: string }>>,
  ): {
    readonly functions: {
      socket(domain: number, type: number, protocol: number): number
      setsockopt(fd: number, level: number, name: number, value: Buffer, size: number): number
    }
  }
}

// socket(2), tcp(7): the numbers of Linux, which are the same on x86-64 and on ARM.
const domains = { 4: 2, 6: 10 } as const
const streamNonBlockingCloseOnExec = 1 | 0o4000 | 0o2000000
const levelTcp = 6
const quickAck = 12

/** Opens the way to such sockets; `undefined` where this runtime or system has none. */
export function openHeldSockets(): HeldSockets | undefined {
  const isKnown = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)
  const ffi = isKnown ? loadQuietly() : undefined
  if (ffi === undefined) return undefined
  try {
    const call = { arguments: ['int32', 'int32', 'int32'], return: 'int32' }
    const set = { arguments: [...call.arguments, 'buffer', 'uint32'], return: 'int32' }
    const { functions } = ffi.dlopen(null, { socket: call, setsockopt: set })
    const off = Buffer.alloc(4)
    return (family) => {
      const fd = functions.socket(domains[family], streamNonBlockingCloseOnExec, 0)
      // Refused, it is a socket like any other.
      if (fd >= 0) functions.setsockopt(fd, levelTcp, quickAck, off, off.length)
      return fd
    }
  } catch {
    // The names are others by now: sockets of the runtime do the same at a higher price.
    return undefined
  }
}

/** Loads it without the warning that it is experimental: it is not asked of anybody. */
function loadQuietly(): Ffi | undefined {
  const { emitWarning } = process
  process.emitWarning = () => undefined
  try {
    return createRequire(import.meta.url)('node:ffi') as Ffi
  } catch {
    return undefined
  } finally {
    process.emitWarning = emitWarning
  }
}
