// An agent is killed under its databases, and nobody starts another: `down` ends their servers too,
// cleanly, and the next agent goes on with all they had.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { isAlive } from '../../src/control/processes.ts'
import { Place } from './place.ts'

const members = ['orders-1', 'orders-2', 'orders-3']

for (const engine of ['postgresql', 'mariadb'] as const) {
  suite(`three members of ${engine} whose agent was killed`, () => {
    test('are ended by `down`, and serve again afterwards', async () => {
      await using place = await Place.open(engine)
      await place.up()
      await place.well()
      const before = members.map((member) => place.record(member))
      await place.crash()
      for (const { server } of before) assert.ok(server !== undefined && isAlive(server))

      const { code, out, err } = await place.run('down')
      assert.deepEqual(
        { code, out },
        { code: 0, out: 'ended orders-1, orders-2, orders-3 and 1 edge\n' },
        err,
      )
      for (const { guard, server } of before) {
        assert.ok(!isAlive(guard))
        assert.ok(server === undefined || !isAlive(server))
      }
      assert.deepEqual(
        readdirSync(join(place.state, 'databases', 'guards')).filter((name) =>
          name.endsWith('.json'),
        ),
        [],
      )
      assert.match((await place.run('down')).out, /^nothing runs that /)

      await place.up()
      await place.well()
      await place.down()
    })
  })
}
