// Several machines on the page of `status`: who takes part, who leads, how their clocks differ, and
// who hears whom. Pure.

import type { ClusterStatus, MachineStatus, Status } from '../../agent/model.ts'
import { formatDuration, ms, since } from '../../foundation/time.ts'
import type { Paint, Tone } from './style.ts'
import { type Cell, type Column, cell, type Row, tableLines } from './table.ts'
import { age, count } from './words.ts'

/** More than this between two clocks is worth a colour, in milliseconds. */
const skewMost = 1000

/** The lines about the machines; none where one machine is alone. */
export function clusterLines(status: Status, width: number, paint: Paint): readonly string[] {
  const { cluster, now } = status
  if (cluster === undefined) return []
  const { connected, trouble, leader, applied } = cluster
  const long = age(since(cluster.since, now))
  const coordinator = connected
    ? paint('faint', `the coordinator answers since ${long}`) + serversOf(cluster, paint)
    : paint('bad', `the coordinator does not answer since ${long}: ${trouble ?? 'not yet'}`)
  const leads =
    leader === undefined
      ? 'nobody is known to lead'
      : `${leader.machine} leads, epoch ${leader.epoch}`
  const file = applied === undefined ? [] : [`file version ${applied.version} of ${applied.by}`]
  return [
    '',
    ...tableLines(
      columnsOf(cluster),
      cluster.machines.map((one) => rowOf(cluster, one)),
      width,
      paint,
    ),
    [leads, ...file].join('; '),
    coordinator,
  ]
}

/** How many servers of the ensemble serve, and which do not: one more, and nobody might be. */
function serversOf({ machines }: ClusterStatus, paint: Paint): string {
  const asked = machines.filter(({ server }) => server !== undefined)
  if (asked.length === 0) return ''
  const down = asked.filter(({ server = '' }) => ['waits', 'refused', 'silent'].includes(server))
  const names = down.map(({ name, server }) => `${name} ${server}`).join(', ')
  if (down.length === 0) return paint('faint', `; all ${asked.length} servers serve`)
  return paint('bad', `; ${asked.length - down.length} of ${asked.length} servers serve (${names})`)
}

const columnsOf = ({ machines }: ClusterStatus): readonly Column[] => [
  { title: 'MACHINE', align: 'left', dropped: 0 },
  { title: 'STATE', align: 'left', dropped: 0 },
  { title: 'ZONE', align: 'left', dropped: 2 },
  { title: 'REPLICAS', align: 'right', dropped: 0 },
  { title: 'CLOCK', align: 'right', dropped: 3 },
  { title: 'HEARD', align: 'right', dropped: 1 },
  // One column a machine: whom the machine of this row hears.
  ...machines.map(({ name }) => ({ title: `←${name}`, align: 'left', dropped: 0 }) as const),
  { title: 'ADDRESS', align: 'left', dropped: 4 },
]

function rowOf(cluster: ClusterStatus, machine: MachineStatus): Row {
  const { name, zone, replicas, address, heard, applied } = machine
  const leads = cluster.leader?.machine === name
  const own = cluster.machine === name
  const version = cluster.applied?.version
  const late = applied !== undefined && version !== undefined && applied < version
  return {
    cells: [
      cell(`${name}${leads ? ' *' : ''}`, leads ? 'strong' : 'plain'),
      cell(machine.state, toneOf(machine)),
      cell(zone ?? ''),
      cell(count(replicas)),
      own ? cell('') : skewCell(machine),
      own ? cell('') : cell(heard === undefined ? 'never' : `${formatDuration(ms(heard))} ago`),
      ...cluster.machines.map((other) => hearsCell(cluster, machine, other)),
      cell(own ? `${address} (this one)` : address, 'faint'),
    ],
    notes: late ? [cell(`still acts on version ${applied} of the file`, 'doubtful')] : [],
  }
}

const toneOf = ({ state }: MachineStatus): Tone =>
  state === 'here' ? 'good' : state === 'drained' ? 'doubtful' : 'bad'

function skewCell({ skew, doubt }: MachineStatus): Cell {
  if (skew === undefined || doubt === undefined) return cell('')
  const sign = skew < 0 ? '−' : '+'
  const text = `${sign}${formatDuration(ms(Math.abs(skew)))}`
  return cell(text, Math.abs(skew) - doubt > skewMost ? 'bad' : 'plain')
}

function hearsCell(
  { hears }: ClusterStatus,
  { name }: MachineStatus,
  { name: other }: MachineStatus,
): Cell {
  if (name === other) return cell('·', 'faint')
  const row = hears[name]
  if (row === undefined) return cell('?', 'faint')
  return row.hears.includes(other) ? cell('yes', 'good') : cell('no', 'bad')
}
