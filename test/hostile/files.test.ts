// No file left: whoever has got in is answered, servers are not blamed for it, and it is told.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ms } from '../../src/foundation/time.ts'
import { get, until } from '../support/edge-bed.ts'
import { Siege } from './siege.ts'

suite('an edge without a file left', () => {
  test('answers whoever has got in, tells of it, and takes others as soon as it can', async () => {
    await using siege = await Siege.begin([], { idleTimeout: ms(60_000) }, 64)
    const crowd = await siege.clients(120)
    await until('no file to be left', () => siege.files >= 60)
    const inside = crowd.filter((peer) => !peer.ended && !peer.closed).slice(0, 10)
    for (const peer of inside) peer.send(get())
    await until('it to be told', () => siege.told('edge-lacks').some((why) => /EMFILE/.test(why)))
    siege.leave(crowd.filter((peer) => !inside.includes(peer)))
    for (const peer of inside) assert.match((await peer.takeMessage()).body, /^good/)
    assert.deepEqual(siege.told('pass-over-unreachable'), [])
    for (let i = 0; i < 5; i += 1) {
      const [client] = await siege.clients(1)
      assert.ok(client !== undefined)
      client.send(get())
      assert.match((await client.takeMessage()).head, /^HTTP\/1.1 200 /)
      siege.leave([client])
    }
  })
})
