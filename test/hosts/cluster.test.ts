// Three machines in network namespaces: their leader is killed, stopped, cut off, made deaf and
// powered off, and what they agree through is lost. Never are placements of two leaders both
// accepted, and requests are answered all the while.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { until } from '../engines/waiting.ts'
import { zookeeperMissing } from '../engines/zookeeper.ts'
import {
  type Agreement,
  acceptedOf,
  type ClusterLab,
  type Host,
  openClusterLab,
} from './cluster-lab.ts'
import { describedFaults, leaderFaults, suffer } from './faults.ts'
import { namespacesMissing } from './namespaces.ts'

/** Accepted placements follow each other: no version twice, no epoch after a later one. */
function assertOneLeader({ hosts }: ClusterLab): void {
  const accepted = acceptedOf(hosts)
  for (const [at, { epoch, version }] of accepted.entries()) {
    const before = accepted[at - 1]
    if (before === undefined) continue
    assert.ok(before.version < version, `version ${version} was accepted twice`)
    assert.ok(before.epoch <= epoch, `epoch ${epoch} was accepted after ${before.epoch}`)
  }
}

/** Requests at the doors of these hosts since then: all of them were answered. */
async function assertAnswered(hosts: readonly Host[], since: number): Promise<void> {
  for (const { name, answers } of hosts) {
    const asked = () => answers().filter(({ at }) => at >= since)
    await until(`somebody asked on ${name}`, () => asked().length > 0)
    const failed = asked().filter(({ how }) => how !== '200')
    assert.deepEqual(failed, [], `of ${asked().length} requests on ${name}`)
  }
}

const runsOn = async (host: Host, machine: string): Promise<number> => {
  const { services } = await host.status()
  return services.flatMap(({ servers }) => servers).filter((one) => one.machine === machine).length
}

function print(name: string, value: number): void {
  process.stdout.write(`VALUE ${name} ${Math.round(value)}\n`)
}

for (const [agreement, missing] of [
  ['one-server', namespacesMissing()],
  ['ensemble', namespacesMissing() || zookeeperMissing()],
] as const satisfies readonly (readonly [Agreement, string | false])[]) {
  suite(`three machines that agree through ${agreement}`, { skip: missing }, () => {
    test('have one leader whatever befalls it, and answer requests meanwhile', async () => {
      await using lab = await openClusterLab(agreement)
      await lab.well()
      await lab.request()
      for (const fault of leaderFaults) {
        const at = Date.now()
        const { victim, successor, leaderless, heal } = await suffer(lab, fault)
        assert.notEqual(successor, victim.name, describedFaults[fault])
        print(`leaderless_${fault}_${agreement.replace('-', '_')}_ms`, leaderless)
        const others = lab.hosts.filter((host) => host !== victim)
        if (fault === 'cut' || fault === 'dead') {
          await until('what it ran runs elsewhere', async () => {
            const { services } = await others[0]!.status()
            return services.every(({ servers, wanted }) => {
              const elsewhere = servers.filter(({ machine }) => machine !== victim.name)
              return elsewhere.filter(({ routed }) => routed === 'up').length === wanted
            })
          })
        }
        if (fault === 'deaf') await assertSeesDeafness(others[0]!, victim)
        await assertAnswered(others, at)
        await heal()
        if (fault === 'dead') victim.request()
        assertOneLeader(lab)
      }
    })

    test('move what a drained machine runs, and give it back', async () => {
      await using lab = await openClusterLab(agreement)
      await lab.well()
      await lab.request()
      const at = Date.now()
      const a = lab.host('a')
      await a.ask('/machine', { machine: 'b', verb: 'drain', force: false })
      await until('nothing runs on b', async () => (await runsOn(a, 'b')) === 0)
      await lab.well()
      await a.ask('/machine', { machine: 'b', verb: 'undrain', force: false })
      await until('b runs its part again', async () => (await runsOn(a, 'b')) === 1)
      await lab.well()
      await assertAnswered(lab.hosts, at)
      assertOneLeader(lab)
    })

    test('go on while nothing can be agreed, and decide nothing', async () => {
      await using lab = await openClusterLab(agreement)
      await lab.well()
      await lab.request()
      const at = Date.now()
      const accepted = acceptedOf(lab.hosts).length
      const cut = lab.server === undefined ? lab.hosts.slice(1).map((h) => h.machine) : [lab.server]
      for (const machine of cut) machine.plug(false)
      await until('all know that it does not answer', async () => {
        const seen = await Promise.all(lab.hosts.map((host) => host.status()))
        return seen.every(({ cluster }) => cluster?.connected === false)
      })
      await assert.rejects(
        lab.host('a').ask('/machine', { machine: 'b', verb: 'drain', force: true }),
        { code: 'unreachable' },
      )
      assert.equal(acceptedOf(lab.hosts).length, accepted)
      const began = Date.now()
      for (const machine of cut) machine.plug(true)
      await lab.well()
      print(`rejoin_after_outage_${agreement.replace('-', '_')}_ms`, Date.now() - began)
      // With an ensemble the machines themselves were cut off; each serves on with what it has.
      await assertAnswered(lab.hosts, at)
      assertOneLeader(lab)
    })
  })
}

/** Who is deaf is heard by the others, and hears nobody: the others show it. */
async function assertSeesDeafness(other: Host, { name }: Host): Promise<void> {
  await until('the matrix shows who is deaf', async () => {
    const { cluster } = await other.status()
    const hears = cluster?.hears ?? {}
    return hears[name]?.hears.length === 0 && hears[other.name]?.hears.includes(name) === true
  })
}
