// What do the machines and what they agree through come to, once short forms are written out?

import { dirname, resolve as resolvePath } from 'node:path'
import type {
  CoordinationPlan,
  Endpoint,
  ExistingPlan,
  Machine,
  ManagedPlan,
} from '../coordination/model.ts'
import { defaults } from './defaults.ts'
import { suggest } from './nearest.ts'
import type { RawCoordination, RawMachine } from './schema.ts'
import { durationOf, sizeOf } from './settle-check.ts'
import type { Loose, Site } from './site.ts'
import { readHosts } from './values.ts'

type RawExisting = Extract<RawCoordination, { zookeeper: unknown }>
type RawManaged = Extract<RawCoordination, { managed: unknown }>
type LongMachine = Exclude<RawMachine, string>
type Machines = Readonly<Record<string, Machine>>

/** The machine as the other rooms want it. */
export function settleMachine(name: string, raw: Loose<RawMachine> | undefined): Machine {
  const long = typeof raw === 'string' ? { address: raw } : (raw ?? {})
  const { address = '', zone, capacity }: Loose<LongMachine> = long
  return {
    name,
    address: address.replace(/^\[(.*)\]$/, '$1').toLowerCase(),
    zone,
    ...(capacity === undefined ? {} : { capacity }),
  }
}

/** What the machines agree through; several that have nothing to agree through are a fault. */
export function settleCoordination(
  raw: Loose<RawCoordination> | undefined,
  name: string,
  machines: Machines,
  site: Site,
): CoordinationPlan {
  agreeOnMachines(machines, site)
  if (raw === undefined || raw === 'embedded') {
    refuseSeveral(raw, machines, site)
    return { kind: 'embedded' }
  }
  if (raw === 'managed') return settleManaged({ managed: true }, name, machines, site)
  return 'managed' in raw
    ? settleManaged(raw, name, machines, site)
    : settleExisting(raw as Loose<RawExisting>, name, site)
}

function refuseSeveral(raw: 'embedded' | undefined, machines: Machines, site: Site): void {
  const { length } = Object.keys(machines)
  // What was written and could not be understood has been reported.
  if (length < 2 || (raw === undefined && site.has(['coordination']))) return
  const remedy =
    'write `coordination: managed` to run Apache ZooKeeper on them, or name one that runs: ' +
    '`coordination: { zookeeper: "zk1:2181,zk2:2181,zk3:2181" }`'
  const what =
    raw === undefined
      ? `${length} machines have nothing to agree through`
      : `\`embedded\` is for one machine, and there are ${length}`
  site.fault([raw === undefined ? 'machines' : 'coordination'], what, remedy, {
    at: raw === undefined ? 'key' : 'value',
  })
}

/** Two names for one address would count one machine twice. */
function agreeOnMachines(machines: Machines, site: Site): void {
  const owners = new Map<string, string>()
  for (const { name, address } of Object.values(machines)) {
    const owner = owners.get(address)
    if (owner !== undefined && address !== '') {
      const message = `\`${name}\` has the address of \`${owner}\`: \`${address}\``
      site.fault(['machines', name], message, 'each machine needs its own')
    }
    owners.set(address, name)
  }
}

const sharedOf = (raw: Loose<Pick<RawExisting, 'chroot' | 'session'>>, name: string) => ({
  chroot: raw.chroot ?? `/alwayson/${name}`,
  session: durationOf(raw.session, defaults.coordination.session),
})

function settleExisting(raw: Loose<RawExisting>, name: string, site: Site): ExistingPlan {
  const { zookeeper = [], tls } = raw
  const texts = typeof zookeeper === 'string' ? [zookeeper] : zookeeper
  const servers = texts.flatMap((text): readonly Endpoint[] => {
    const reading = readHosts(text ?? '')
    return reading.ok ? reading.value : []
  })
  const file = (path: string | undefined): string | undefined => beside(path, site)
  const files = tls === true ? {} : tls
  return {
    kind: 'zookeeper',
    servers,
    ...sharedOf(raw, name),
    tls:
      files === undefined
        ? undefined
        : { ca: file(files.ca), cert: file(files.cert), key: file(files.key) },
  }
}

/** A path of the file, from its folder. */
const beside = (path: string | undefined, site: Site): string | undefined =>
  path === undefined ? undefined : resolvePath(dirname(site.file), path)

function settleManaged(
  raw: Loose<RawManaged>,
  name: string,
  machines: Machines,
  site: Site,
): ManagedPlan {
  const { ports } = defaults.coordination
  const plan: ManagedPlan = {
    kind: 'managed',
    members: membersOf(raw.managed, machines, site),
    ...sharedOf(raw, name),
    ports: {
      client: raw.ports?.client ?? ports.client,
      peer: raw.ports?.peer ?? ports.peer,
      election: raw.ports?.election ?? ports.election,
    },
    home: beside(raw.home, site),
    data: beside(raw.data, site),
    heapBytes: sizeOf(raw.memory, defaults.coordination.memory),
  }
  if (new Set(Object.values(plan.ports)).size < 3) {
    site.fault(
      ['coordination', 'ports'],
      'each of the three ports has to be another: a server listens at all of them',
      'leave one out, or give it a number of its own',
    )
  }
  return plan
}

/** The machines that run the ensemble: those named, or the first of all, and an odd number. */
function membersOf(
  raw: Loose<RawManaged>['managed'],
  machines: Machines,
  site: Site,
): readonly Machine[] {
  const all = Object.values(machines)
  if (all.length === 0) {
    if (site.has(['machines'])) return []
    site.fault(
      ['coordination'],
      'there are no `machines` to run it on',
      'name them: `machines: { a: 10.0.0.11, b: 10.0.0.12, c: 10.0.0.13 }`',
      { absence: true },
    )
    return []
  }
  if (raw === true || raw === undefined) {
    const most = Math.min(all.length, defaults.coordination.membersMost)
    return all.slice(0, most - (most % 2 === 0 ? 1 : 0))
  }
  return raw.flatMap((name, index) => {
    const path = ['coordination', 'managed', index]
    if (name === undefined) return []
    const machine = machines[name]
    if (machine === undefined) {
      const remedy = suggest(name, Object.keys(machines))
      site.fault(path, `there is no machine \`${name}\``, remedy, { absence: true })
    } else if (raw.indexOf(name) < index) {
      site.fault(path, `\`${name}\` stands here twice`, 'leave one out')
    }
    return machine === undefined ? [] : [machine]
  })
}
