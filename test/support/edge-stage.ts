// An edge before one server that the test plays by hand.

import type { TableFrontend } from '../../src/balancing/model.ts'
import { EdgeBed, Origin, type Peer, until } from './edge-bed.ts'

/** A body of one chunk. */
export const chunked = (body: string): string => {
  const size = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`
  return `${size}0\r\n\r\n`
}

/** Bytes that show when one of them is out of place. */
export const pattern = (length: number): string => {
  const bytes = Buffer.alloc(
    length,
    Uint8Array.from({ length: 251 }, (_, byte) => byte),
  )
  return bytes.toString('latin1')
}

/** An edge before one origin that is played by hand. */
export async function stage(
  serve: (peer: Peer) => void = () => undefined,
  frontend: Partial<TableFrontend> = {},
) {
  const origin = await Origin.open('a', serve)
  const bed = new EdgeBed()
  await bed.apply([origin.row()], { frontend })
  return {
    bed,
    origin,
    /** The connection of the edge to the origin, once it has come. */
    upstream: async (index = 0): Promise<Peer> => {
      await until('a connection to the server', () => origin.peers.length > index)
      return origin.peers[index]!
    },
    async [Symbol.asyncDispose]() {
      await bed[Symbol.asyncDispose]()
      await origin[Symbol.asyncDispose]()
    },
  }
}
