// How results are printed: the machine they were measured on, tables, and RATIO lines.

import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'

/** The version that a command tells of itself; `missing` when there is none. */
export function versionOf(command: string, ...args: readonly string[]): string {
  try {
    const said = execFileSync('sh', ['-c', `${command} ${args.join(' ')} 2>&1`], {
      encoding: 'utf8',
    })
    return /\d+(?:\.\d+)+/.exec(said)?.[0] ?? said.trim()
  } catch {
    return 'missing'
  }
}

/** The facts without which a figure says nothing, one line. */
export function machineFacts(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const memory = Math.round(totalmem() / 2 ** 30)
  const load = loadavg()[0]?.toFixed(1)
  return [
    `${availableParallelism()} cores (${model})`,
    `${memory} GiB`,
    `Linux ${release()}`,
    `Node.js ${process.versions.node}`,
    `HAProxy ${versionOf('haproxy', '-v')}`,
    `nginx ${versionOf('nginx', '-v')}`,
    `load ${load} at the start`,
  ].join(', ')
}

/** The middle one; the upper of the two middle ones when the count is even. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Of sorted `values` the one that a share of them (0 to 1) does not exceed; NaN of none. */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor(sorted.length * share)] ?? Number.NaN

/** `0/3/7`: least, middle, most. One value stands alone. */
export function spread(values: readonly number[]): string {
  if (values.length === 0) return '-'
  if (values.length === 1) return String(Math.round(values[0] ?? 0))
  const each = [Math.min(...values), median(values), Math.max(...values)]
  return each.map((value) => Math.round(value)).join('/')
}

/** A Markdown table; the first row is the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => [...(row[column] ?? '')].length), 3),
  )
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  const [head = [], ...body] = rows
  return [line(head), rule, ...body.map(line)].join('\n')
}

/** One line that a script can read: the name and a value for each peer, `-` where there is none. */
export function ratioLine(name: string, values: readonly (number | undefined)[]): string {
  const shown = values.map((value) => (value === undefined ? '-' : String(round(value))))
  return `RATIO ${name} ${shown.join(' ')}`
}

const round = (value: number): number => Math.round(value * 1000) / 1000
