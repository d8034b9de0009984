// A whole agent with a replicated database and a client that writes: what befalls it, and that
// nothing that was acknowledged is lost by it.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Bed, openBed } from '../../bench/failover/bed.ts'
import { type Fault, faults } from '../../bench/failover/faults.ts'
import { judge } from '../../bench/failover/judge.ts'
import { isAcknowledgedKept } from '../../src/drills/checkers/acknowledged.ts'
import { describeAcknowledged } from '../../src/drills/checkers/describe.ts'

/** Those that take another primary, or none, in different ways. */
const tried = ['server_killed', 'machine_lost', 'agent_killed', 'switchover']

async function suffer(bed: Bed, fault: Fault): Promise<void> {
  const { primary = '', members } = await bed.well()
  const replicas = members.map(({ name }) => name).filter((name) => name !== primary)
  await fault.befall(bed, {
    primary,
    replicas,
    members,
    strikes: () => {},
    pause: (ms) => pause(ms),
  })
  const after = await bed.well()
  // One whose server was killed may be elected again: it has most.
  if (fault.name === 'switchover') assert.notEqual(after.primary, primary)
  if (fault.name === 'agent_killed') assert.equal(after.primary, primary)
}

for (const engine of ['postgresql', 'mariadb'] as const) {
  suite(`three members of ${engine} under one agent`, () => {
    test('serve again after each fault, and lose nothing', async () => {
      await using bed = await openBed({ engine, where: 'processes', durability: 'quorum' })
      for (const name of tried) {
        const fault = faults.find((each) => each.name === name)
        assert.ok(fault !== undefined)
        await suffer(bed, fault)
        await bed.approve()
      }
      for (const place of bed.places) {
        const verdict = await judge(bed, place)
        assert.ok(verdict.acknowledged > 100)
        assert.ok(isAcknowledgedKept(verdict), describeAcknowledged(verdict))
      }
    })
  })
}
