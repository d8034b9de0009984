// A managed ensemble of three on Apache ZooKeeper: it starts, replaces what dies and what only
// stands still, restarts one by one, and lets nobody in who has no certificate.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { issue, makeAuthority } from '../../src/control/doors/certificates.ts'
import { openZooKeeper as openClient } from '../../src/coordination/client/client.ts'
import { openDial, type TlsOptions } from '../../src/coordination/client/transport.ts'
import { askMember } from '../../src/coordination/engines/apache/probe.ts'
import type { OpenCoordinator } from '../../src/coordination/zookeeper.ts'
import { openRandom } from '../../src/foundation/random.ts'
import { ms, openClock } from '../../src/foundation/time.ts'
import { type ManagedMachine, openManagedMachines } from '../engines/managed-ensemble.ts'
import { until } from '../engines/waiting.ts'
import { zookeeperMissing } from '../engines/zookeeper.ts'

const clock = openClock()
const soon = (): AbortSignal => AbortSignal.timeout(60_000)

const pidOf = (machine: ManagedMachine): number => {
  const pid = machine.pid()
  assert.ok(pid, `${machine.name} runs no server`)
  return pid
}

/** Writes until it has been done. */
async function write(coordinator: OpenCoordinator, data: string): Promise<void> {
  await until('a write is taken', () =>
    coordinator.write([{ kind: 'set', path: '/what', data }], AbortSignal.timeout(5000)).then(
      () => true,
      () => false,
    ),
  )
}

suite('a managed ensemble', { skip: zookeeperMissing() }, () => {
  test('replaces a leader that was killed, and one that only stands still', async () => {
    await using all = await openManagedMachines(3)
    const first = await all.leader()
    await using coordinator = await (first.coordination ?? assert.fail()).open(soon())
    await coordinator.write([{ kind: 'create', path: '/what', data: '0' }])
    for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
      const leader = await all.leader()
      const pid = pidOf(leader)
      process.kill(pid, signal)
      await until('another process has taken its place', () => (leader.pid() ?? pid) !== pid)
      await write(coordinator, signal)
      assert.equal((await coordinator.read('/what'))?.data.toString(), signal)
      const frozen = leader.said.some((line) => line.startsWith('server-frozen: '))
      assert.equal(frozen, signal === 'SIGSTOP')
    }
    assert.equal(coordinator.over.aborted, false)
  })

  test('runs on without its agents, and changes its settings one server at a time', async () => {
    await using all = await openManagedMachines(3)
    await all.leader()
    const pids = all.machines.map(pidOf)
    await Promise.all(all.machines.map((machine) => machine.leave()))
    await Promise.all(all.machines.map((machine) => machine.open()))
    await all.leader()
    assert.deepEqual(all.machines.map(pidOf), pids, 'the next agents adopt what runs')

    await using coordinator = await (all.machines[0]?.coordination ?? assert.fail()).open(soon())
    await coordinator.write([{ kind: 'create', path: '/what', data: '' }])
    const changed = { ...all.plan, heapBytes: all.plan.heapBytes + 2 ** 20 }
    await Promise.all(all.machines.map((machine) => machine.coordination?.follow(changed)))
    let fewest = 3
    await until('each has another process', () => {
      const now = all.machines.map((machine) => machine.pid())
      fewest = Math.min(fewest, now.filter((pid) => pid !== undefined).length)
      return now.every((pid, index) => pid !== undefined && pid !== pids[index])
    })
    await all.leader()
    await write(coordinator, 'again')
    // Where elections take longer than they may, nobody is served, and nobody has to wait.
    const together = all.machines.some(({ said }) =>
      said.some((line) => line.startsWith('change-misses-nobody')),
    )
    assert.ok(together || fewest >= 2, `only ${fewest} of 3 servers ran at one moment`)
    assert.equal(coordinator.over.aborted, false)
  })

  test('lets in nobody without a certificate, and shows nothing without the secret', async () => {
    await using all = await openManagedMachines(1)
    const machine = all.machines[0] ?? assert.fail()
    await using coordinator = await (machine.coordination ?? assert.fail()).open(soon())
    await coordinator.write([{ kind: 'create', path: '/what', data: 'ours' }])
    const at = { host: all.plan.members[0]?.address ?? '', port: all.plan.ports.client }
    const { ca } = machine.keys
    const stranger = issue(makeAuthority('other', new Date()), { name: 'a', hosts: [] }, new Date())
    const ways: readonly (TlsOptions | undefined)[] = [
      undefined,
      { ca, servername: 'a' },
      { ca, servername: 'a', ...stranger },
    ]
    for (const tls of ways) {
      const answer = await askMember(openDial(openRandom(), tls), at, clock, ms(5000))
      assert.notEqual(answer.kind, 'serves')
    }
    // A certificate alone opens the door, and shows nothing.
    const { cert, key } = machine.keys
    const tls = { ca, cert, key, servername: 'a' }
    await using certified = openClient(`${at.host}:${at.port}`, { tls })
    await certified.connected(soon())
    await assert.rejects(certified.getData('/test/what'), { error: 'no-auth' })
    await assert.rejects(certified.setData('/test/what', ''), { error: 'no-auth' })
    await assert.rejects(certified.create('/test/more'), { error: 'no-auth' })
  })
})
