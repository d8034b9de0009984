// The port to the network, and its adapters for TCP and TLS: bytes to a server and back.

import { type LookupAddress, type LookupOptions, lookup } from 'node:dns'
import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Random } from '../../foundation/random.ts'
import { shuffled } from './hosts.ts'
import type { Host } from './model.ts'

/** One connection, or the attempt at one. */
export interface Line {
  write(bytes: Uint8Array): void
  /** Gives it up at once; nothing is heard of it after that. */
  destroy(): void
}

/** What a connection tells; never before `dial` has returned. */
export interface LineListener {
  opened(): void
  /** The bytes are only lent: whoever keeps some copies them. */
  data(chunk: Buffer): void
  /** Called once, whatever ended it, also if it never opened. */
  closed(why: Error | undefined): void
}

/** Begins a connection to a server. */
export type Dial = (host: Host, listener: LineListener) => Line

/** How the server is known, and we to it: as in node:tls. */
export interface TlsOptions {
  /** Certificates of authorities to trust instead of the well-known ones (PEM). */
  readonly ca?: string | Buffer
  /** Our own certificate and its key (PEM), where the server asks for one. */
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  /** The name that the server's certificate must bear; the host's own unless said otherwise. */
  readonly servername?: string
}

type Lookup = NonNullable<NetConnectOpts & { lookup?: unknown }>['lookup']

/**
 * Resolves a name anew for every connection, and tries its addresses in random order, so that a
 * name with several addresses spreads its clients and a moved server is found.
 */
const lookupAnyOf = (random: Random): Lookup =>
  ((
    name: string,
    options: LookupOptions,
    done: (error: Error | null, address: LookupAddress[] | string, family?: number) => void,
  ) => {
    lookup(name, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, [])
      const order = shuffled(
        addresses.map(({ address, family }) => ({ host: address, port: family })),
        random,
      ).map(({ host, port }) => ({ address: host, family: port }))
      const [first] = order
      if (options.all === true || first === undefined) return done(null, order)
      return done(null, first.address, first.family)
    })
  }) as Lookup

/** Connections over TCP, or over TLS when there are options for it. */
export function openDial(random: Random, tls?: TlsOptions): Dial {
  const lookup = lookupAnyOf(random)
  return ({ host, port }, listener) => {
    const target = { host, port, lookup } as NetConnectOpts
    const servername = isIP(host) === 0 ? { servername: host } : {}
    const socket: Socket =
      tls === undefined ? connect(target) : connectTls({ ...target, ...servername, ...tls })
    let why: Error | undefined
    let given = false
    socket.setNoDelay(true)
    socket.on(tls === undefined ? 'connect' : 'secureConnect', () => {
      if (!given) listener.opened()
    })
    socket.on('data', (chunk: Buffer) => {
      if (!given) listener.data(chunk)
    })
    socket.on('error', (error) => {
      why = error
    })
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      if (!given) listener.closed(why)
    })
    return {
      write: (bytes) => {
        socket.write(bytes)
      },
      destroy: () => {
        given = true
        socket.destroy()
      },
    }
  }
}

/** What a server answers to the four-letter word `isro`: whether it takes writes. */
export function takesWrites(
  dial: Dial,
  host: Host,
  answer: (writable: boolean) => void,
): Disposable {
  let heard = ''
  const line = dial(host, {
    opened: () => line.write(Buffer.from('isro')),
    data: (chunk) => {
      heard += chunk.toString('latin1', 0, 8)
      if (heard.length > 8) line.destroy()
    },
    closed: () => answer(heard.trim() === 'rw'),
  })
  return { [Symbol.dispose]: () => line.destroy() }
}
