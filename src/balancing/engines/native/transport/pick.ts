// Which transport does this runtime bear? The raw one, if it does now what it did when we wrote it.

import { type Clock, type Milliseconds, ms } from '../../../../foundation/time.ts'
import { NetTransport } from './net.ts'
import { RawTransport } from './raw.ts'
import type { Connection, ConnectionOwner, Listener, Transport } from './transport.ts'
import { unowned } from './unowned.ts'

/** Enough to need private buffers and writes that wait. */
const sampleBytes = 1_000_000
const patience = ms(2000)

/** The transport to use, and why it is not the raw one, if it is not. */
export interface PickedTransport {
  readonly transport: RawTransport | NetTransport
  readonly why: string | undefined
}

/** Tries the raw handles on a connection of our own; falls back to node:net if they fail. */
export async function pickTransport(
  clock: Clock,
  faulted: (thrown: unknown) => void,
): Promise<PickedTransport> {
  try {
    const transport = new RawTransport(faulted)
    const why = await selfTest(transport, clock, patience)
    if (why === undefined) return { transport, why }
    return { transport: new NetTransport(faulted), why }
  } catch (thrown) {
    return { transport: new NetTransport(faulted), why: String(thrown) }
  }
}

/** Sends a sample through an echo and back; `undefined` when it came back as it went. */
export async function selfTest(
  transport: Transport,
  clock: Clock,
  within: Milliseconds,
): Promise<string | undefined> {
  const open: Connection[] = []
  const listener = await transport.listen({ host: '127.0.0.1', port: 0 }, (connection) => {
    open.push(connection)
    return echo(connection)
  })
  const why = await exchange(transport, listener, clock, within, open)
  for (const connection of open) connection.close()
  listener.close()
  return why
}

const echo = (connection: Connection): ConnectionOwner => ({
  ...unowned,
  received: (bytes, end) => connection.passOn(connection, bytes, 0, end),
  ended: () => connection.end(),
})

function exchange(
  transport: Transport,
  listener: Listener,
  clock: Clock,
  within: Milliseconds,
  open: Connection[],
): Promise<string | undefined> {
  // 251 is prime: no buffer begins where another one did.
  const sample = Buffer.alloc(
    sampleBytes,
    Uint8Array.from({ length: 251 }, (_, byte) => byte),
  )
  return new Promise((resolve) => {
    const finish = (why: string | undefined): void => {
      timer[Symbol.dispose]()
      resolve(why)
    }
    const timer = clock.after(within, () => finish('a sample took too long through an echo'))
    let at = 0
    const connection: Connection = transport.connect('127.0.0.1', listener.port, {
      ...unowned,
      connected: () => {
        connection.writeBytes(sample)
        connection.end()
      },
      received: (bytes, end) => {
        if (sample.compare(bytes, 0, end, at, at + end) !== 0) finish('an echo changed a sample')
        at += end
      },
      ended: () => finish(at === sampleBytes ? undefined : 'an echo lost some of a sample'),
      failed: (code) => finish(`a connection to ourselves failed: ${code}`),
    })
    open.push(connection)
  })
}
