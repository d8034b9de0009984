// Several machines on one: each with an address of loopback, a state folder and keys of its own,
// and its part in a managed ensemble.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Certified, issue, makeAuthority } from '../../src/control/doors/certificates.ts'
import type { MachineKeys } from '../../src/control/doors/keys.ts'
import type { MemberMode } from '../../src/coordination/ensemble/model.ts'
import type { ManagedPlan } from '../../src/coordination/model.ts'
import { type OpenCoordination, openCoordination } from '../../src/coordination/open.ts'
import { openRandom } from '../../src/foundation/random.ts'
import { ms, openClock } from '../../src/foundation/time.ts'
import { openProcessHost } from '../../src/services/engines/process/host.ts'
import { findRecords } from '../../src/services/engines/process/records.ts'
import { freePorts, until } from './waiting.ts'

const clock = openClock()

/** One of the machines. */
export interface ManagedMachine {
  readonly name: string
  readonly keys: MachineKeys
  readonly folder: string
  /** What it has open; undefined while its agent is gone. */
  readonly coordination: OpenCoordination | undefined
  /** The rules that decided, and why, in their order. */
  readonly said: readonly string[]
  /** The process of its server; undefined while there is none. */
  pid(): number | undefined
  /** Opens its part, by this plan or the one it had. */
  open(plan?: ManagedPlan): Promise<OpenCoordination>
  /** Its agent goes, and what runs goes on. */
  leave(): Promise<void>
}

/** All of them. Disposing them ends their servers and removes their folders. */
export interface ManagedMachines extends AsyncDisposable {
  readonly plan: ManagedPlan
  readonly authority: Certified
  readonly machines: readonly ManagedMachine[]
  /** The machine whose server leads; waits until one does, and the others follow. */
  leader(): Promise<ManagedMachine>
}

let block = 0

/** Makes keys for so many machines, and opens all of them. */
export async function openManagedMachines(count: number): Promise<ManagedMachines> {
  const authority = makeAuthority('test', new Date())
  const [client = 0, peer = 0, election = 0] = await freePorts(3)
  const root = mkdtempSync(join(tmpdir(), 'ao-ensemble-'))
  block += 1
  const members = Array.from({ length: count }, (_, index) => ({
    name: String.fromCharCode('a'.charCodeAt(0) + index),
    address: `127.${process.pid % 250}.${block}.${11 + index}`,
    zone: undefined,
  }))
  const plan: ManagedPlan = {
    kind: 'managed',
    members,
    ports: { client, peer, election },
    chroot: '/test',
    // Long: on a busy machine an election takes its time, and is not what ends a session here.
    session: ms(60_000),
    home: undefined,
    data: undefined,
    heapBytes: 96 * 1024 * 1024,
  }
  const machines = members.map((member) => machineOf(member, plan, authority, root))
  const all: ManagedMachines = {
    plan,
    authority,
    machines,
    async leader() {
      let found: ManagedMachine | undefined
      await until('one leads and all others follow', () => {
        const modes = machines.map(modeOf)
        const leads = modes.indexOf('leader')
        found = machines[leads]
        return leads >= 0 && modes.filter((mode) => mode === 'follower').length === count - 1
      }).catch((cause: unknown) => {
        const said = machines.map((one) => `${one.name}: ${one.said.slice(-12).join(', ')}`)
        throw new Error(`no leader with all others:\n${said.join('\n')}`, { cause })
      })
      return found as ManagedMachine
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(machines.map(end))
      rmSync(root, { recursive: true, force: true })
    },
  }
  try {
    await Promise.all(machines.map((machine) => machine.open()))
  } catch (thrown) {
    await all[Symbol.asyncDispose]()
    throw thrown
  }
  return all
}

function modeOf({ coordination, name }: ManagedMachine): MemberMode | undefined {
  const answer = coordination?.servers().get(name)
  return answer?.kind === 'serves' ? answer.mode : undefined
}

async function end(machine: ManagedMachine): Promise<void> {
  const coordination = machine.coordination ?? (await machine.open())
  await coordination.stop(ms(0))
}

function machineOf(
  { name, address }: { readonly name: string; readonly address: string },
  first: ManagedPlan,
  authority: Certified,
  root: string,
): ManagedMachine {
  const { cert, key } = issue(authority, { name, hosts: [address, '127.0.0.1'] }, new Date())
  const secret = 'test'.padEnd(43, 'x')
  const keys: MachineKeys = {
    cluster: 'test',
    machine: name,
    secret,
    ca: authority.cert,
    cert,
    key,
  }
  const folder = join(root, name)
  const said: string[] = []
  let coordination: OpenCoordination | undefined
  let plan = first
  return {
    name,
    keys,
    folder,
    said,
    get coordination() {
      return coordination
    },
    pid() {
      const [found] = findRecords(join(folder, 'zk'))
      if (found?.kind !== 'record') return undefined
      return found.record.status.child?.pid
    },
    async open(next = plan) {
      plan = next
      coordination = await openCoordination({
        ...{ plan, folder, keys, clock },
        heard: (rule, why) => void said.push(`${rule}: ${why}`),
        openHost: (place, listener) =>
          openProcessHost({
            ...{ folder: place, clock, listener, version: 'test' },
            random: openRandom(),
          }),
      })
      return coordination
    },
    async leave() {
      await coordination?.[Symbol.asyncDispose]()
      coordination = undefined
    },
  }
}
