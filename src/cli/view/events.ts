// What happened, told: one entry of the journal as a line for a person. Pure.

import type { JournalEntry } from '../../control/journal.ts'
import type { Paint, Tone } from './style.ts'
import { dateAndTime, timeOfDay } from './words.ts'

/** How an entry is shown. */
export interface EventStyle {
  readonly zone: string
  /** With the date, or by the time of day alone. */
  readonly date: boolean
  readonly paint: Paint
}

/** `04:18:07.123 web start-missing: start web-2 at revision 1 (fewer replicas run than …)` */
export function eventLine(entry: JournalEntry, { zone, date, paint }: EventStyle): string {
  const at = date ? dateAndTime(entry.at, zone) : timeOfDay(entry.at, zone)
  const lead = `${paint('faint', at)} ${paint('strong', entry.subject)}`
  const rule = paint(toneOf(entry), entry.rule)
  if (entry.actions.length === 0) return `${lead} ${rule}: ${entry.why}`
  return `${lead} ${rule}: ${entry.actions.join('; ')} ${paint('faint', `(${entry.why})`)}`
}

const good: ReadonlySet<string> = new Set(['steady', 'deployed', 'risen', 'first-pass'])
const bad = /died|lost|failed|fallen|refused|roll-back|no-way-back|exited|killed|crash|not-kept/

/** What it is for the eye, from the rule's own name. */
const toneOf = ({ rule }: JournalEntry): Tone =>
  good.has(rule) ? 'good' : bad.test(rule) ? 'bad' : rule === 'first-failure' ? 'doubtful' : 'plain'
