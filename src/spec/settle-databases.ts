// What do all databases come to, and which ports are theirs where the file names none?

import { createHash } from 'node:crypto'
import type { DatabasePlan } from '../databases/model.ts'
import { defaults } from './defaults.ts'
import type { Spec } from './model.ts'
import { settleDatabase } from './settle-database.ts'
import type { Block } from './settle-members.ts'
import type { LooseFile, Site } from './site.ts'
import { readAddress, readBind } from './values.ts'

type Rest = Pick<Spec, 'name' | 'machines' | 'frontends' | 'coordination' | 'metrics'>

/** The databases of the file, by name. */
export function settleDatabases(
  raw: LooseFile['databases'],
  rest: Rest,
  site: Site,
): Readonly<Record<string, DatabasePlan>> {
  const taken = new Set([...portsOf(rest), ...portsIn(raw)])
  const machines = Object.values(rest.machines)
  // One machine alone has no need of its own address: its members listen on loopback.
  const housing = { machines: machines.length < 2 ? [] : machines }
  return Object.fromEntries(
    Object.entries(raw ?? {}).map(([name, one]) => {
      const block = freeBlock(`${rest.name}/${name}`, taken)
      return [name, settleDatabase(name, one ?? {}, housing, block, site)]
    }),
  )
}

const std = defaults.database.ports

/**
 * The first block of ports, from the one that the names lead to, of which nothing is taken; takes
 * it. So a database keeps its ports whatever else comes and goes, but for what meets it by chance;
 * and databases of one name in two files on one machine hardly meet.
 */
function freeBlock(seed: string, taken: Set<number>): Block {
  const start = createHash('sha256').update(seed).digest().readUInt32BE(0) % std.blocks
  for (let step = 0; step < std.blocks; step += 1) {
    const door = std.first + ((start + step) % std.blocks) * std.each
    const block = Array.from({ length: std.each }, (_, index) => door + index)
    if (block.some((port) => taken.has(port))) continue
    for (const port of block) taken.add(port)
    // The second is left for a door to replicas.
    return { door, first: door + 2 }
  }
  return { door: std.first, first: std.first + 2 }
}

/** Ports that the other sections of the file take. */
function portsOf({ frontends, coordination, metrics }: Rest): readonly number[] {
  return [
    ...Object.values(frontends).flatMap(({ binds }) => binds.map(({ port }) => port)),
    ...(coordination.kind === 'managed' ? Object.values(coordination.ports) : []),
    ...(metrics === undefined ? [] : [metrics.port]),
  ]
}

/** Ports that databases name themselves. */
function portsIn(raw: LooseFile['databases']): readonly number[] {
  return Object.values(raw ?? {}).flatMap((one): readonly number[] => {
    const { bind, members } = one ?? {}
    const doors = typeof bind === 'string' ? [bind] : [bind?.write, bind?.read]
    const listed = Array.isArray(members) ? members.map((each) => each?.at) : []
    const ports = typeof members === 'object' && 'ports' in members ? members.ports : undefined
    const written = typeof ports === 'number' ? [ports] : (ports ?? [])
    const readings = [
      ...doors.flatMap((text) => (text === undefined ? [] : [readBind(text)])),
      ...listed.flatMap((text) => (text === undefined ? [] : [readAddress(text)])),
    ]
    return [
      ...readings.flatMap((reading) => (reading.ok ? [reading.value.port] : [])),
      ...written.flatMap((port) => port ?? []),
    ]
  })
}
