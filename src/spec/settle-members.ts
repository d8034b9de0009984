// Which members does a database have, where do they run, and can they keep what it promises?

import type { Machine } from '../coordination/model.ts'
import type { DatabasePlan, EngineName, MemberPlan } from '../databases/model.ts'
import { neededFor } from '../databases/quorum.ts'
import { defaults } from './defaults.ts'
import { suggest } from './nearest.ts'
import type { RawDatabase } from './schema.ts'
import type { Loose, Site } from './site.ts'
import type { Path } from './tree.ts'
import { readAddress } from './values.ts'

type Raw = Loose<RawDatabase> & { readonly engine: EngineName }
type RawMembers = Exclude<Raw['members'], undefined>
type RawSpread = Exclude<RawMembers, number | readonly unknown[]>
type RawAdopted = NonNullable<Extract<RawMembers, readonly unknown[]>[number]>

/** Where members may run: the machines in the order of the file; none: this one alone. */
export interface Housing {
  readonly machines: readonly Machine[]
}

/** The ports that are a database's own unless the file says otherwise. */
export interface Block {
  readonly door: number
  /** Of the first member; the others take the next ones. */
  readonly first: number
}

const std = defaults.database

/** The members by name, and how durable what they hold is. */
export function settleMembers(
  name: string,
  raw: Raw,
  housing: Housing,
  block: Block,
  site: Site,
): Pick<DatabasePlan, 'members' | 'durability'> {
  const path = ['databases', name]
  const adopts = Array.isArray(raw.members)
  const members = adopts
    ? adoptMembers(name, raw, housing, site)
    : placeMembers(name, raw.members as number | RawSpread | undefined, housing, block, site)
  if (!adopts) refuseCredentials(raw, path, site)
  const alone = members.length === 1 && !site.has([...path, 'durability'])
  const durability = alone ? 'async' : (raw.durability ?? std.durability)
  if (durability === 'quorum' && isWhole(raw.members, members, housing))
    refuseQuorum(raw.engine, members, path, site)
  return { members, durability }
}

/** Whether nothing was left out for being faulty: then what is promised can be judged. */
function isWhole(
  raw: Raw['members'],
  members: readonly MemberPlan[],
  { machines }: Housing,
): boolean {
  if (raw === undefined || typeof raw === 'number') return true
  if (!('on' in raw)) return !Array.isArray(raw) || raw.length === members.length
  const named = typeof raw.on === 'string' ? [raw.on] : (raw.on ?? [])
  const known = named.filter((one) => machines.some((machine) => machine.name === one))
  return new Set(known).size === named.length
}

/** Says what could not survive; nothing where all that is promised can be kept. */
function refuseQuorum(
  engine: EngineName,
  members: readonly MemberPlan[],
  path: Path,
  site: Site,
): void {
  const { length } = members
  const needed = neededFor(length)
  const say = (message: string, remedy: string): void => {
    const at = site.has([...path, 'members']) ? 'members' : 'durability'
    site.fault([...path, at], message, remedy, { at: site.has([...path, at]) ? 'value' : 'key' })
  }
  if (length === 1) {
    site.fault(
      [...path, 'durability'],
      'one member cannot keep `quorum`: what it has is lost with it',
      '`members: 3`, or `durability: async`',
    )
  } else if (length === 2) {
    say(
      'two members cannot keep `quorum` and go on: without either of them no write could be ' +
        'acknowledged safely',
      '`members: 3`, or `durability: async`, which may lose the last writes in a failover',
    )
  } else if (engine === 'mariadb' && needed > 1) {
    say(
      `a primary of MariaDB waits for one replica, and a majority of ${length} members needs ` +
        `${needed}`,
      '`members: 3`, or `durability: async`',
    )
  } else {
    const crowded = crowdedMachine(members, needed + 1)
    if (crowded === undefined) return
    say(
      `\`quorum\` could not outlive machine \`${crowded.machine}\`: it runs ${crowded.count} of ` +
        `the ${length} members, and an acknowledged write may be on ${needed + 1} only`,
      'spread them over three machines, or write `durability: async`',
    )
  }
}

/** The first machine with so many members that it may have every copy of a write. */
function crowdedMachine(members: readonly MemberPlan[], copies: number) {
  for (const { machine } of members) {
    if (machine === undefined) continue
    const count = members.filter((member) => member.machine === machine).length
    if (count >= copies) return { machine, count }
  }
  return undefined
}

const nameOf = (database: string, index: number): string => `${database}-${index + 1}`

/** Members of our own making: over zones first, then over machines, in the order of the file. */
function placeMembers(
  name: string,
  raw: number | RawSpread | undefined,
  housing: Housing,
  block: Block,
  site: Site,
): readonly MemberPlan[] {
  const spread = typeof raw === 'object' ? raw : { count: raw }
  const path = ['databases', name, 'members']
  const machines = machinesOf(spread.on, housing, [...path, 'on'], site)
  const count =
    spread.count ?? (spread.on === undefined ? std.members : Math.max(machines.length, 1))
  const ports = portsOf(spread.ports, count, block, [...path, 'ports'], site)
  const hosts = spreadOver(machines, count)
  return ports.map((port, index) => {
    const machine = hosts[index]
    const host = machine?.address ?? '127.0.0.1'
    return { name: nameOf(name, index), machine: machine?.name, host, port, adopt: undefined }
  })
}

function machinesOf(
  raw: RawSpread['on'],
  { machines }: Housing,
  path: Path,
  site: Site,
): readonly Machine[] {
  const known = machines.map((machine) => machine.name)
  const names = raw === undefined ? known : typeof raw === 'string' ? [raw] : raw
  const isList = raw !== undefined && typeof raw !== 'string'
  return names.flatMap((one, index): readonly Machine[] => {
    if (one === undefined) return []
    const at = isList ? [...path, index] : path
    const machine = machines.find((each) => each.name === one)
    if (machine === undefined) {
      const remedy = known.length === 0 ? 'name them under `machines:`' : suggest(one, known)
      site.fault(at, `there is no machine \`${one}\``, remedy, { absence: true })
      return []
    }
    if (names.indexOf(one) < index) {
      site.fault(at, `\`${one}\` stands here twice`, 'leave one out')
      return []
    }
    return [machine]
  })
}

/** The machine of each member; of one machine, that is not named, nothing. */
function spreadOver(machines: readonly Machine[], count: number): readonly (Machine | undefined)[] {
  const taken: Machine[] = []
  if (machines.length === 0) return []
  const zoneOf = (machine: Machine): string => machine.zone ?? `\0${machine.name}`
  const load = (machine: Machine): readonly [number, number] => [
    taken.filter((each) => zoneOf(each) === zoneOf(machine)).length,
    taken.filter((each) => each === machine).length,
  ]
  for (let index = 0; index < count; index += 1) {
    const [next] = machines.toSorted((a, b) => {
      const [zoneA = 0, ownA = 0] = load(a)
      const [zoneB = 0, ownB = 0] = load(b)
      return zoneA - zoneB || ownA - ownB
    })
    if (next !== undefined) taken.push(next)
  }
  return taken
}

function portsOf(
  raw: RawSpread['ports'],
  count: number,
  block: Block,
  path: Path,
  site: Site,
): readonly number[] {
  const from = (first: number): readonly number[] =>
    Array.from({ length: count }, (_, index) => first + index)
  if (raw === undefined) return from(block.first)
  if (typeof raw === 'number') {
    if (raw + count - 1 <= 65_535) return from(raw)
    site.fault(path, `from ${raw} on there are no ${count} ports: the last is 65535`)
    return from(block.first)
  }
  const ports = raw.flatMap((one) => one ?? [])
  if (ports.length === count) return ports
  if (ports.length === raw.length) {
    const message = `there are ${count} members, and ports for ${ports.length}`
    site.fault(path, message, 'give each its own, or only that of the first: `ports: 7001`')
  }
  return from(block.first)
}

/** Members that run already. */
function adoptMembers(name: string, raw: Raw, housing: Housing, site: Site): readonly MemberPlan[] {
  const path = ['databases', name, 'members']
  const list = raw.members as readonly (RawAdopted | undefined)[]
  const members = list.flatMap((one, index): readonly MemberPlan[] => {
    const address = readAddress(one?.at ?? '')
    if (one === undefined || !address.ok) return []
    const at = [...path, index]
    const machine = machineOf(one, address.value.host, housing, at, site)
    const adopt = credentialsOf(raw, one, path.slice(0, 2), at, site)
    return [{ name: nameOf(name, index), machine, ...address.value, adopt }]
  })
  agreeOnHosts(members, housing, path, site)
  return members
}

/** Without machines all of them have to be here: nobody could end a server that is elsewhere. */
function agreeOnHosts(
  members: readonly MemberPlan[],
  { machines }: Housing,
  path: Path,
  site: Site,
): void {
  if (machines.length > 1 || new Set(members.map(({ host }) => host)).size < 2) return
  site.fault(
    path,
    'these servers are on several machines, and the file names none',
    'name them under `machines:`: an agent on each ends its server when it has to',
  )
}

function machineOf(
  one: RawAdopted,
  host: string,
  { machines }: Housing,
  path: Path,
  site: Site,
): string | undefined {
  if (one.on !== undefined) {
    const known = machines.map((each) => each.name)
    if (known.includes(one.on)) return one.on
    const remedy = known.length === 0 ? 'name them under `machines:`' : suggest(one.on, known)
    site.fault([...path, 'on'], `there is no machine \`${one.on}\``, remedy, { absence: true })
    return undefined
  }
  if (machines.length < 2) return undefined
  const machine = machines.find((each) => each.address === host)
  if (machine === undefined) {
    const remedy = 'say whose server it is: `on: NAME`'
    site.fault([...path, 'at'], `no machine has the address \`${host}\``, remedy)
  }
  return machine?.name
}

function credentialsOf(
  raw: Raw,
  one: RawAdopted,
  database: Path,
  path: Path,
  site: Site,
): MemberPlan['adopt'] {
  const own = one.credentials !== undefined
  const at = [...(own ? path : database), 'credentials']
  const said = own ? one.credentials : raw.credentials
  if (said === undefined) {
    if (site.has([...path, 'credentials']) || site.has([...database, 'credentials'])) return
    site.fault(
      path,
      'nobody says as whom Always On may come to this server',
      'add to the database: `credentials: { user: postgres, password: "${env.PGPASSWORD}" }`',
      { absence: true },
    )
    return undefined
  }
  const { user, password } = said
  if (user === undefined || password === undefined) return undefined
  if (!site.shown([...at, 'password']).includes('${env.')) {
    const remedy = 'take it from the environment: `password: "${env.NAME}"`'
    site.fault([...at, 'password'], 'a password has no place in the file', remedy)
  }
  return { user, password }
}

/** Said for servers that are not taken over, they would be for nobody. */
function refuseCredentials(raw: Raw, path: Path, site: Site): void {
  if (raw.credentials === undefined) return
  site.fault(
    [...path, 'credentials'],
    '`credentials` are for servers that are taken over, and these are made',
    'leave them out, or name the servers: `members: [{ at: "10.0.0.5:5432" }]`',
    { at: 'key' },
  )
}
