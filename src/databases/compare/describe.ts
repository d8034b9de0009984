// What a comparison came to, in words. Pure.

import { describeBytes } from '../backups/describe.ts'
import type { Comparison, Difference } from './model.ts'

/** So many rows are named in a sentence. */
const namedMost = 5

const words: Readonly<Record<Difference['kind'], string>> = {
  differs: 'not as on the primary',
  missing: 'missing',
  surplus: 'that the primary does not have',
  unreadable: 'unreadable',
}

/** `orders-2: shop.public.items, 2 rows not as on the primary (id=5, id=7)` */
export function describeDifference({ member, table, kind, rows, names, why }: Difference): string {
  if (rows === undefined) return `${member}: ${table} cannot be read (${why ?? 'damaged'})`
  const some = names.slice(0, namedMost).join('; ')
  const more = rows > Math.min(names.length, namedMost) ? '; …' : ''
  const many = `${rows} ${rows === 1 ? 'row' : 'rows'}`
  return `${member}: ${table}, ${many} ${words[kind]} (${some}${more})`
}

/** All of it in one line. */
export function describeComparison({
  tables,
  rows,
  bytes,
  members,
  differences,
  left,
}: Comparison): string {
  const away = new Set(left.map(({ member }) => member))
  const compared = members.filter((member) => !away.has(member))
  const whole =
    compared.length === 0
      ? 'no member was compared'
      : `${tables} tables, ${rows} rows (${describeBytes(bytes)}) compared on ` +
        compared.join(', ')
  const ends = [
    ...differences.map(describeDifference),
    ...left.map(({ member, why }) => `${member} was not compared to the end: ${why}`),
  ]
  return `${whole}: ${ends.length === 0 ? 'all as on the primary' : ends.join('; ')}`
}
