// The transports keep what the data path relies on, and the right one is picked.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { securedTransport } from '../../../../../test/conformance/secured-transport.ts'
import { transportConformance } from '../../../../../test/conformance/transport.ts'
import { ms, openClock } from '../../../../foundation/time.ts'
import { NetTransport } from './net.ts'
import { pickTransport, selfTest } from './pick.ts'
import { RawTransport } from './raw.ts'

transportConformance('the raw transport', (faulted) => new RawTransport(faulted))
transportConformance('the public transport', (faulted) => new NetTransport(faulted), {
  'reads what was said before a write broke': 'node:net destroys a socket whose write failed',
})
transportConformance('the raw transport under TLS', (faulted) =>
  securedTransport(new RawTransport(faulted)),
)
transportConformance(
  'the public transport under TLS',
  (faulted) => securedTransport(new NetTransport(faulted)),
  { 'reads what was said before a write broke': 'node:net destroys a socket whose write failed' },
)

const never = (thrown: unknown): void => {
  throw thrown
}

test('the raw transport is picked on this runtime', async () => {
  const { transport, why } = await pickTransport(openClock(), never)
  assert.equal(why, undefined)
  assert.equal(transport.name, 'raw')
})

test('a transport that changes what passes is found out', async () => {
  const raw = new RawTransport(never)
  const listen = raw.listen.bind(raw)
  raw.listen = (bind, accept) =>
    listen(bind, (connection) => {
      const owner = accept(connection)
      return {
        ...owner,
        received: (bytes, end) => {
          bytes[0] = 0x21
          owner.received(bytes, end)
        },
      }
    })
  assert.match((await selfTest(raw, openClock(), ms(5000))) ?? '', /changed/)
})
