// Moments and amounts of backups in words. Pure.

import type { Instant, Milliseconds } from '../../foundation/time.ts'

const two = (value: number): string => String(value).padStart(2, '0')

/** Days since 1970 as a date (the civil calendar, by Howard Hinnant's days-from-civil). */
function dateOf(days: number): string {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const day = shifted - era * 146_097
  const year = Math.floor(
    (day - Math.floor(day / 1460) + Math.floor(day / 36_524) - Math.floor(day / 146_096)) / 365,
  )
  const inYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100))
  const month = Math.floor((5 * inYear + 2) / 153)
  const inMonth = inYear - Math.floor((153 * month + 2) / 5) + 1
  const civil = month < 10 ? month + 3 : month - 9
  return `${year + era * 400 + (civil <= 2 ? 1 : 0)}-${two(civil)}-${two(inMonth)}`
}

/** `2026-08-05T02:18:00.000Z`: as `--to` takes it, to the millisecond. */
export function describeInstant(at: Instant): string {
  const whole = Math.floor(at)
  const days = Math.floor(whole / 86_400_000)
  const left = whole - days * 86_400_000
  const [hours, minutes] = [Math.floor(left / 3_600_000), Math.floor(left / 60_000) % 60]
  const [seconds, parts] = [Math.floor(left / 1000) % 60, left % 1000]
  const time = `${two(hours)}:${two(minutes)}:${two(seconds)}.${String(parts).padStart(3, '0')}`
  return `${dateOf(days)}T${time}Z`
}

/** The same in letters that the name of a folder may have: they sort as the times do. */
export const instantAsName = (at: Instant): string =>
  describeInstant(at).replaceAll(/[-:]/g, '').replace('.', '-')

/** `1.2 GB in 34 s` */
export function describePace(bytes: number, took: Milliseconds): string {
  return `${describeBytes(bytes)} in ${Math.max(0.1, Math.round(took / 100) / 10)} s`
}

/** Bytes as people count them, by powers of 1000. */
export function describeBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  const shown = unit === 0 || value >= 100 ? Math.round(value) : Math.round(value * 10) / 10
  return `${shown} ${units[unit]}`
}
