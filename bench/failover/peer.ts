// Patroni beside us, with its defaults and tuned, for the faults that it can be given: as processes
// of one machine, in front of a client that writes as ours do.

import { install, missing, type Need } from '../../scripts/machine.ts'
import { openPatroni, type Tuning } from './patroni.ts'
import { type PatroniFault, patroniFaults } from './patroni-faults.ts'
import type { PeerRow } from './results.ts'

const needs: readonly Need[] = [
  { package: 'patroni', sign: '/usr/bin/patroni', tests: 'Patroni beside us' },
  { package: 'etcd-server', sign: 'etcd', tests: 'Patroni beside us' },
  { package: 'haproxy', sign: 'haproxy', tests: 'Patroni beside us' },
  { package: 'python3-etcd', sign: '/usr/lib/python3/dist-packages/etcd', tests: 'Patroni' },
  {
    package: 'postgresql-15',
    sign: '/usr/lib/postgresql/15/bin/postgres',
    tests: 'Patroni beside us',
  },
]

/** Its outages are half a minute long: a few of them are enough. */
const runsMost = 3

/** Measures each fault of `names` that it can be given; installs what that takes. */
export async function comparedWithPatroni(
  names: readonly string[],
  runs: number,
  say: (line: string) => void,
): Promise<readonly PeerRow[]> {
  const absent = missing(needs)
  const why = absent.length === 0 ? undefined : install(absent)
  if (why !== undefined) throw new Error(`Patroni cannot be installed: ${why}`)
  const rows: PeerRow[] = []
  for (const tuning of ['default', 'tuned'] as const) {
    const chosen = patroniFaults.filter(({ name }) => names.includes(name))
    rows.push(...(await measure(tuning, chosen, Math.min(runs, runsMost), say)))
  }
  return rows
}

async function measure(
  tuning: Tuning,
  chosen: readonly PatroniFault[],
  runs: number,
  say: (line: string) => void,
): Promise<readonly PeerRow[]> {
  const peer = tuning === 'default' ? 'patroni' : 'patroni_tuned'
  await using bed = await openPatroni(tuning)
  const rows: PeerRow[] = []
  let before = 0
  for (const fault of chosen) {
    const outages: number[] = []
    let errors = 0
    for (let run = 0; run < runs; run += 1) {
      const seen = await bed.suffer(fault)
      if (seen === undefined) say(`${peer} ${fault.name} ${run + 1}: it did not do it`)
      else {
        outages.push(seen.outage)
        errors += seen.errors
        say(`${peer} ${fault.name} ${run + 1}: outage ${Math.round(seen.outage)} ms`)
      }
    }
    const { lost, said } = await bed.judge()
    if (lost > 0) say(said)
    if (outages.length > 0) {
      rows.push({ peer, fault: fault.name, outages, errors, lost: lost - before })
    }
    before = lost
  }
  return rows
}
