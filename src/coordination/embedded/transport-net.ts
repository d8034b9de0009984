// The transport on node:net, the public way: works with every version of the runtime.

import { createServer, type Server, type Socket } from 'node:net'
import { Fault, systemCode } from '../../foundation/fault.ts'
import type { Listen, Wire, WireListener } from './transport.ts'

function wireOf(socket: Socket, drained: () => void): Wire {
  return {
    address: socket.remoteAddress ?? '',
    port: socket.remotePort ?? 0,
    get unsent() {
      return socket.writableLength
    },
    send(bytes, length) {
      // Not the stream's `drain`: below its mark it says nothing, and over TLS all is late.
      socket.write(bytes.subarray(0, length), (error) => {
        if (isLate && !error && socket.writableLength === 0) drained()
      })
      const isLate = socket.writableLength > 0
      return !isLate
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.destroySoon(),
    destroy: () => void socket.destroy(),
  }
}

function attach(socket: Socket, accept: (wire: Wire) => WireListener | undefined): void {
  socket.setNoDelay(true)
  const listener = accept(wireOf(socket, () => listener?.drained()))
  if (listener === undefined) {
    socket.destroy()
    return
  }
  socket.on('data', (bytes: Buffer) => listener.received(bytes, bytes.length))
  // What broke the connection is of no use to a server: `close` follows.
  socket.on('error', () => socket.destroy())
  socket.on('close', () => listener.closed())
}

/** The Fault for what a listening socket said. */
export function cannotListen(host: string, port: number, cause: unknown): Fault {
  if (systemCode(cause) === 'EADDRINUSE') {
    return new Fault('in-use', `port ${port} of ${host} belongs to another process`, {
      remedy: `stop that one (ss -ltnp 'sport = :${port}'), or choose another port`,
      cause,
    })
  }
  return new Fault('failed', `cannot listen at ${host}:${port}`, { cause })
}

/** Listens with a server that is made for taking connections. */
export function listenWith(make: (taken: (socket: Socket) => void) => Server): Listen {
  return (host, port, accept) => {
    const server = make((socket) => attach(socket, accept))
    return new Promise((resolve, reject) => {
      server.once('error', (cause) => reject(cannotListen(host, port, cause)))
      server.listen(port, host, 1024, () => {
        const address = server.address()
        const got = typeof address === 'object' && address !== null ? address.port : port
        resolve({ host, port: got, [Symbol.dispose]: () => void server.close() })
      })
    })
  }
}

export const listenOnNet: Listen = listenWith(createServer)
