// Can this address be connected to? Asked without a request, so that nothing is at stake.

import type { Milliseconds } from '../../../../foundation/time.ts'
import type { ConnectionOwner } from '../transport/transport.ts'
import type { Shared } from './shared.ts'

/** Connects and closes again; `told` gets `undefined`, or why it could not. */
export function tryConnect(
  shared: Shared,
  address: string,
  port: number,
  patience: Milliseconds,
  told: (failure: string | undefined) => void,
): void {
  const finish = (failure: string | undefined): void => {
    shared.deadlines.give(place)
    connection.close()
    told(failure)
  }
  const nothing = (): void => undefined
  const owner: ConnectionOwner = {
    connected: () => finish(undefined),
    failed: (code) => finish(`connecting failed: ${code}`),
    received: nothing,
    ended: nothing,
    drained: nothing,
    unwritable: nothing,
  }
  const connection = shared.transport.connect(address, port, owner)
  const place = shared.deadlines.take({
    expired: () => finish(`connecting took longer than ${patience} ms`),
  })
  shared.deadlines.set(place, patience)
}
