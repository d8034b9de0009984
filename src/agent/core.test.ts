// The agent's mind, whose balancer refuses a file while an operator has a word.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { runService, specOf } from '../../test/fixtures/world.ts'
import type { JournalEntry } from '../control/journal.ts'
import { VirtualClock } from '../simulation/clock.ts'
import { openCore } from './core.ts'
import type { CorePorts } from './core-ports.ts'
import type { AgentState } from './model.ts'
import { deploy, restart } from './operator.ts'

const file = { path: 'shop.yaml', text: '', env: {} }

/** A mind of one service; `taking` is what its balancer answers to a table. */
async function openMind() {
  const kept: { state?: AgentState; taking: () => Promise<void> } = { taking: async () => {} }
  const told: JournalEntry[] = []
  const replicas: object[] = []
  const certificates: string[] = []
  const ports = {
    clock: new VirtualClock(),
    host: { observe: () => replicas, start() {}, stop() {} },
    balancer: { apply: () => kept.taking(), observe: () => [] },
    certificates: {
      watch: async () => void certificates.push('watch'),
      order: () => void certificates.push('order'),
      observe: () => new Map(),
    },
    monitor: { watch() {}, signal() {}, observe: () => new Map() },
    journal: { record: (entry: JournalEntry) => told.push(entry) },
    store: { load: () => undefined, save: (state: AgentState) => (kept.state = state) },
  } as unknown as CorePorts
  const core = openCore(ports)
  await core.apply(specOf([runService()]), file)
  const web = () => core.world().state.services.web?.state ?? assert.fail('it is remembered')
  return { core, kept, told, web, certificates }
}

suite('a file that is refused', () => {
  /** Begins to take a file with another command and a service more; `refuse` ends that. */
  async function begin() {
    const mind = await openMind()
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<void>()
    mind.kept.taking = () => {
      asked.resolve()
      return answer.promise
    }
    const services = [runService({ argv: ['node', 'next.js'] }), runService({ name: 'more' })]
    const taken = mind.core.apply(specOf(services), file)
    await asked.promise
    const refuse = async (): Promise<void> => {
      answer.reject(new Error('a port is in use'))
      await assert.rejects(taken, /a port is in use/)
    }
    return { ...mind, refuse }
  }

  test('leaves the services as they were', async () => {
    const { web, core, refuse } = await begin()
    assert.equal(web().revision, 2)
    await refuse()
    assert.equal(web().revision, 1)
    assert.deepEqual(Object.keys(core.world().state.services), ['web'])
  })

  test('has no certificates ordered for it, and those of the file before as before', async () => {
    const { certificates, refuse } = await begin()
    assert.deepEqual(certificates.splice(0), ['watch', 'order', 'watch'])
    await refuse()
    assert.deepEqual(certificates, ['watch', 'order'])
  })

  test('takes no deploy with it that was accepted meanwhile', async () => {
    const { web, core, told, refuse } = await begin()
    core.operate('deploy', 'web', (world, now) => deploy(world, 'web', now))
    core.operate('deploy', 'more', (world, now) => deploy(world, 'more', now))
    await refuse()
    assert.equal(web().revision, 2)
    const { web: memory } = core.world().state.services
    assert.deepEqual(memory?.templates[2]?.argv, ['node', 'server.js'], 'of the file in force')
    const lost = told.filter(({ rule }) => rule === 'refused-with-its-file')
    assert.deepEqual(
      lost.map(({ subject }) => subject),
      ['more'],
    )
    assert.match(lost[0]?.why ?? '', /^the file of which `deploy` was asked is refused: /)
  })

  test('takes no restart with it, and what was asked later is asked once', async () => {
    const { web, core, refuse } = await begin()
    core.operate('restart', 'web', (world, now) => {
      const replica = { id: 'web-1', service: 'web' }
      return restart({ ...world, replicas: [replica] } as unknown as typeof world, 'web', now)
    })
    await refuse()
    assert.deepEqual(web().replace, ['web-1'])
    core.operate('deploy', 'web', (world, now) => deploy(world, 'web', now))
    assert.equal(web().revision, 2)
    await assert.rejects(core.apply(specOf([runService(), runService({ name: 'more' })]), file))
    assert.equal(web().revision, 2)
  })
})
