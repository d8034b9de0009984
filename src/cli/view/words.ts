// How are numbers, lengths of time and moments said, so that they are read at a glance? Pure.

import type { Instant, Milliseconds } from '../../foundation/time.ts'

/** At most five characters: `0`, `9999`, `12.4k`, `3.1M`. */
export function count(number: number): string {
  if (number < 10_000) return String(number)
  const units = ['k', 'M', 'G', 'T', 'P']
  let value = number
  let unit = -1
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${value < 99.95 ? value.toFixed(1) : value.toFixed(0)}${units[unit] ?? ''}`
}

/** `1 replica`, `3 replicas`. */
export const counted = (number: number, noun: string, plural = `${noun}s`): string =>
  `${number} ${number === 1 ? noun : plural}`

/** At most six characters, the largest unit first: `45s`, `12m`, `2h13m`, `3d4h`, `120d`. */
export function age(length: Milliseconds): string {
  const seconds = Math.floor(length / 1000)
  const [minutes, hours, days] = [seconds / 60, seconds / 3600, seconds / 86_400].map(Math.floor)
  if (!minutes) return `${seconds}s`
  if (!hours) return `${minutes}m`
  if (!days) return withRest(hours, 'h', minutes % 60, 'm')
  return days < 10 ? withRest(days, 'd', hours % 24, 'h') : `${days}d`
}

const withRest = (whole: number, unit: string, rest: number, restUnit: string): string =>
  rest === 0 ? `${whole}${unit}` : `${whole}${unit}${rest}${restUnit}`

/** `04:18:07.123` on the clock of `zone`. */
export function timeOfDay(at: Instant, zone: string): string {
  const time = local(at, zone).toPlainTime()
  return time.toString({ smallestUnit: 'millisecond' })
}

/** `2026-08-05 04:18:07.123` on the clock of `zone`. */
export function dateAndTime(at: Instant, zone: string): string {
  return `${local(at, zone).toPlainDate()} ${timeOfDay(at, zone)}`
}

const local = (at: Instant, zone: string): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(Math.floor(at)).toZonedDateTimeISO(zone)

/** Breaks a text at spaces so that no line is longer than `columns`, each indented by `indent`. */
export function wrap(text: string, columns: number, indent = ''): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && indent.length + longer.length > columns) {
      lines.push(indent + line)
      line = word
    } else {
      line = longer
    }
  }
  return [...lines, indent + line]
}
