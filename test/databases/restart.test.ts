// A whole agent with a replicated database, a client that writes and one that reads: its servers
// are started anew one after another, and neither notices.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { openBed } from '../../bench/failover/bed.ts'
import { sessionOf } from '../../bench/failover/session.ts'
import { ask } from '../../src/agent/client.ts'
import { Fault } from '../../src/foundation/fault.ts'
import { until } from '../engines/waiting.ts'
import {
  apply,
  assertNothingFailed,
  differ,
  members,
  openReadDoor,
  patience,
  Reader,
  restarted,
  servers,
  socketOf,
} from './rolling.ts'

/** A setting that takes effect at once, and one that needs a start. */
const settings = {
  postgresql: { now: 'work_mem: 5MB', restart: 'max_connections: 120' },
  mariadb: { now: 'max_connections: 120', restart: 'back_log: 60' },
}
const values = {
  postgresql: { now: ['SHOW work_mem', '5MB'], restart: ['SHOW max_connections', '120'] },
  mariadb: {
    now: ['SELECT @@max_connections AS v', '120'],
    restart: ['SELECT @@back_log AS v', '60'],
  },
} as const

for (const engine of ['postgresql', 'mariadb'] as const) {
  suite(`three members of ${engine} under one agent`, () => {
    test('are restarted one after another, and no client notices', async () => {
      await using bed = await openBed({ engine, where: 'processes', durability: 'quorum' })
      const target = await openReadDoor(bed)
      await using reader = new Reader(target)
      const value = async ([sql, wanted]: readonly [string, string]): Promise<boolean> => {
        const session = await sessionOf(target)
        try {
          const [row = {}] = (await session.run(sql)) as readonly Record<string, unknown>[]
          return String(Object.values(row)[0]) === wanted
        } finally {
          await session.end()
        }
      }

      let before = servers(bed)
      await apply(bed, (text) => `${text}    settings: { ${settings[engine].now} }\n`)
      await until('the setting is taken', () => value(values[engine].now), patience)
      await restarted(bed)
      assert.deepEqual(differ(before, bed), [], 'nobody was restarted for it')

      const { primary } = await bed.well()
      before = servers(bed)
      const { actions } = await apply(bed, (text) =>
        text.replace(/settings: \{ (.*) \}/, `settings: { $1, ${settings[engine].restart} }`),
      )
      assert.match(actions.join('; '), /restart them one after another/)
      // Each is seen to be outdated in its own time: between two of them all may look steady.
      const haveAll = (): boolean => differ(before, bed).length === members.length
      const seen = await restarted(bed, haveAll)
      assert.deepEqual(differ(before, bed), members)
      assert.ok(await value(values[engine].restart))
      for (const { members: each, phase } of seen) {
        if (phase !== 'serving') continue
        const away = each.filter(({ state }) =>
          ['restarting', 'stopped', 'starting'].includes(state),
        )
        assert.ok(away.length <= 1, `more than one at once: ${JSON.stringify(away)}`)
      }
      // Whoever was to take over may have been too slow for it; then the same one leads again.
      const { proofs = [] } = seen.at(-1) ?? {}
      assert.ok(proofs.some(({ from, why }) => from === primary && why === 'a planned move'))

      before = servers(bed)
      const order = { verb: 'restart', database: 'orders', stop: false } as const
      await ask(socketOf(bed), '/database', order)
      await until('one has been', () => Promise.resolve(differ(before, bed).length > 0), patience)
      bed.places[0]?.agent.kill('SIGKILL')
      await pause(1)
      bed.places[0]?.up()
      await restarted(bed, haveAll)
      assert.deepEqual(differ(before, bed), members)

      await assertNothingFailed(bed, reader)
    })
  })
}

test('a file that its data could not be served by is refused, and nothing is touched', async () => {
  const engine = 'postgresql'
  await using bed = await openBed({ engine, where: 'processes', durability: 'quorum' })
  const before = servers(bed)
  const refused = (words: RegExp) => (thrown: unknown) =>
    thrown instanceof Fault && words.test(thrown.message) && thrown.remedy !== undefined
  await assert.rejects(
    apply(bed, (text) => `${text}    home: /usr/lib/postgresql/15/bin\n`),
    refused(/PostgreSQL 18 made the data, and \/usr\/lib\/postgresql\/15\/bin holds 15/),
  )
  await assert.rejects(
    apply(bed, (text) => `${text}    home: /nowhere\n`),
    refused(/\/nowhere/),
  )
  await assert.rejects(
    apply(bed, (text) => `${text}    settings: { max_connections: 50 }\n`),
    refused(/max_connections/),
  )
  await bed.well()
  assert.deepEqual(differ(before, bed), [])
})
