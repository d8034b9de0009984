// Three machines in network namespaces: their leader is killed, stopped, cut off, made deaf and
// powered off, and what they agree through is lost. Never are placements of two leaders both
// accepted, and requests are answered all the while.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { clockLibrary } from '../../scripts/machine.ts'
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

const hour = 3_600_000

/** Whether the clock of one machine is seen to be so far ahead of another's, give or take 1 %. */
const isAhead = async (seen: Host, of: Host, by: number): Promise<boolean> => {
  const { cluster } = await seen.status()
  const { skew = 0 } = cluster?.machines.find(({ name }) => name === of.name) ?? {}
  return Math.abs(skew - by) < hour / 100
}

/** Who leads, and at which epoch. */
async function ledBy(lab: ClusterLab): Promise<{ readonly leader: Host; readonly term: number }> {
  let leader: Host | undefined
  await until('all agree who leads', async () => {
    leader = await lab.leader()
    return leader !== undefined
  })
  const { cluster } = await leader!.status()
  return { leader: leader!, term: cluster?.leader?.epoch ?? 0 }
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

    // Java does not start with that library; the servers of an ensemble count steadily, too.
    const clocks = agreement === 'one-server'
    const skip = clocks && !existsSync(clockLibrary) && `${clockLibrary} is missing: libfaketime`
    const title = 'move what a drained machine runs, and give it back'
    test(clocks ? `${title}, whatever clocks show` : title, { skip }, async () => {
      await using lab = await openClusterLab(agreement, clocks)
      await lab.well()
      await lab.request()
      const at = Date.now()
      const { leader, term } = await ledBy(lab)
      const [one, other] = lab.hosts.filter((host) => host !== leader) as [Host, Host]
      const setClock = async (ahead: number): Promise<void> => {
        if (!clocks) return
        leader.setClock(ahead)
        await until(`its clock is seen ${ahead} ahead`, () => isAhead(one, leader, ahead))
      }
      await setClock(hour)
      await one.ask('/machine', { machine: other.name, verb: 'drain', force: false })
      await until('nothing runs there', async () => (await runsOn(one, other.name)) === 0)
      await lab.well()
      await setClock(-hour)
      await one.ask('/machine', { machine: other.name, verb: 'undrain', force: false })
      await until('its part runs there again', async () => (await runsOn(one, other.name)) === 1)
      await lab.well()
      await assertAnswered(lab.hosts, at)
      assertOneLeader(lab)
      await assertOldFileRefused(one, other)
      if (clocks) print('elections_while_clocks_jump', (await ledBy(lab)).term - term)
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

/** A file is applied on one machine: one that follows the version before is refused on another. */
async function assertOldFileRefused(one: Host, other: Host): Promise<void> {
  const apply = (host: Host, note: string) => {
    const path = join(host.folder, 'alwayson.yaml')
    const text = `${readFileSync(path, 'utf8')}# ${note}\n`
    return host.ask('/apply', { path, text, env: {}, dryRun: false })
  }
  const version = async (): Promise<number> =>
    (await other.status()).cluster?.applied?.version ?? -1
  const before = await version()
  await apply(one, 'first')
  await until('the other machine knows of it', async () => (await version()) > before)
  await assert.rejects(apply(other, 'second'), { code: 'refused' })
}

/** Who is deaf is heard by the others, and hears nobody: the others show it. */
async function assertSeesDeafness(other: Host, { name }: Host): Promise<void> {
  await until('the matrix shows who is deaf', async () => {
    const { cluster } = await other.status()
    const hears = cluster?.hears ?? {}
    return hears[name]?.hears.length === 0 && hears[other.name]?.hears.includes(name) === true
  })
}
