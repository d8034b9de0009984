// The figures of all runs, as a table for people and as lines for scripts.

import { median, ratioLine, spread, table } from '../lib/report.ts'
import type { Fault } from './faults.ts'
import type { Run } from './run.ts'

/** What all runs of one fault showed. */
export interface Row {
  readonly engine: string
  readonly durability: 'quorum' | 'async'
  readonly where: string
  readonly fault: Fault
  readonly runs: readonly Run[]
  /** Rows that are gone, or there, against what their client was told. */
  readonly lost: number
  /** Acknowledgements at an epoch that was over. */
  readonly split: number
}

/** What a peer showed of one fault, with one of its configurations. */
export interface PeerRow {
  /** `patroni` with its defaults, `patroni_tuned`. */
  readonly peer: string
  readonly fault: string
  readonly outages: readonly number[]
  readonly errors: number
  readonly lost: number
}

const outagesOf = ({ runs }: Row): readonly number[] => runs.map(({ outage }) => outage)

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

const p99 = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.ceil(numbers.length * 0.99) - 1] ?? Number.NaN

const round = (numbers: readonly number[]): string =>
  [Math.min(...numbers), median(numbers), p99(numbers), Math.max(...numbers)]
    .map((each) => Math.round(each))
    .join('/')

/** Prints all that was measured. */
export function printRows(
  rows: readonly Row[],
  peers: readonly PeerRow[],
  say: (line: string) => void,
): void {
  say(
    table([
      ['engine', 'where', 'what befalls', 'runs', 'outage min/med/p99/max, ms', 'errors', 'lost'],
      ...rows.map((row) => [
        ...[`${row.engine} ${row.durability}`, row.where, row.fault.what],
        ...[String(row.runs.length), round(outagesOf(row))],
        ...[spread(row.runs.map(({ errors }) => errors)), String(row.lost)],
      ]),
      ...peers.map((row) => [
        ...[row.peer, 'processes', row.fault, String(row.outages.length), round(row.outages)],
        ...[String(row.errors), String(row.lost)],
      ]),
    ]),
  )
  say(
    table([
      ['engine', 'where', 'what befalls', 'whole again min/med/max, ms'],
      ...rows.map(({ engine, where, fault, runs }) => [
        ...[engine, where, fault.name, spread(runs.map(({ redundancy }) => redundancy))],
      ]),
    ]),
  )
  for (const [name, same] of byName(rows)) {
    printValues(name, same, say)
    // Each place by itself as well, where there are two: the line without one is the worse of them.
    if (same.length > 1) for (const row of same) printValues(`${name}_${row.where}`, [row], say)
  }
  printRatios(rows, peers, say)
}

/** The names of the lines: an engine, its durability where that is not the default, a fault. */
function byName(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  return Map.groupBy(rows, ({ engine, durability, fault }) =>
    durability === 'async' ? `${engine}_async_${fault.name}` : `${engine}_${fault.name}`,
  )
}

function printValues(name: string, rows: readonly Row[], say: (line: string) => void): void {
  const worst = Math.max(...rows.map((row) => p99(outagesOf(row))))
  say(`VALUE outage_${name}_p99_ms ${Math.round(worst)}`)
  say(`VALUE lost_${name} ${sum(rows.map(({ lost }) => lost))}`)
  say(`VALUE errors_${name} ${sum(rows.flatMap(({ runs }) => runs.map((each) => each.errors)))}`)
  const wholes = rows.flatMap(({ runs }) => runs.map(({ redundancy }) => redundancy))
  say(`VALUE redundancy_${name}_median_ms ${Math.round(median(wholes))}`)
  const epochs = rows.flatMap(({ runs }) => runs.map((each) => each.epochs))
  say(`VALUE epochs_${name}_most ${Math.max(...epochs)}`)
}

/** How our outage compares with a peer's: medians, both as processes of one machine. */
function printRatios(
  rows: readonly Row[],
  peers: readonly PeerRow[],
  say: (line: string) => void,
): void {
  for (const { peer, fault, outages } of peers) {
    const ours = rows.find(
      (row) => row.fault.name === fault && row.engine === 'postgresql' && row.where === 'processes',
    )
    say(`VALUE outage_${peer}_${fault}_p99_ms ${Math.round(p99(outages))}`)
    if (ours === undefined) continue
    const ratio = median(outagesOf(ours)) / median(outages)
    say(ratioLine(`outage_${fault}_vs_${peer}`, [ratio]))
  }
}
