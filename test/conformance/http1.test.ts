// Every requirement of the table holds, with both transports.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { NetTransport } from '../../src/balancing/engines/native/transport/net.ts'
import { RawTransport } from '../../src/balancing/engines/native/transport/raw.ts'
import { type OpenTransport, Scene } from './http1/scene.ts'
import { requirements } from './http1/table.ts'

const transports: Readonly<Record<string, OpenTransport>> = {
  raw: (faulted) => new RawTransport(faulted),
  net: (faulted) => new NetTransport(faulted),
}

for (const [name, transport] of Object.entries(transports)) {
  suite(`HTTP/1.1 over the ${name} transport`, () => {
    for (const { id, rfc, says, proof, wish = {}, servers = 1 } of requirements) {
      test(`${id}: ${says} (RFC ${rfc})`, async () => {
        await using scene = await Scene.open(transport, wish, servers)
        await proof(scene)
      })
    }
  })
}

test('no two requirements have one name', () => {
  const ids = requirements.map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
})
