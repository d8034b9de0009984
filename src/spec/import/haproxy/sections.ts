// Which sections does an HAProxy configuration have, and which lines belong to each?

import type { Ledger } from './ledger.ts'
import type { Line, Section } from './model.ts'
import { splitLine } from './words.ts'

/** Every word that begins a section (configuration manual, table of contents). */
const sectionWords = new Set([
  ...['global', 'defaults', 'frontend', 'backend', 'listen', 'peers', 'resolvers', 'mailers'],
  ...['userlist', 'program', 'cache', 'ring', 'log-forward', 'http-errors', 'fcgi-app'],
  ...['crt-store', 'traces', 'log-profile', 'acme'],
])

/** The sections in their order; lines that belong to none are reported. */
export function readSections(text: string, ledger: Ledger): readonly Section[] {
  const sections: (Section & { readonly lines: Line[] })[] = []
  let conditions = 0
  for (const [index, raw] of text.split('\n').entries()) {
    const split = splitLine(raw.replace(/\r$/, ''))
    if ('fault' in split) {
      const line = { number: index + 1, text: raw.trim(), words: [] }
      ledger.drop(line, `not a line that HAProxy reads: ${split.fault}`)
      continue
    }
    const [first] = split.words
    if (first === undefined) continue
    const line: Line = { number: index + 1, text: split.text, words: split.words }
    if (first === '.if') conditions += 1
    if (first.startsWith('.') || conditions > 0) {
      if (first === '.endif') conditions = Math.max(0, conditions - 1)
      ledger.drop(line, 'what holds under a condition cannot be decided here')
    } else if (sectionWords.has(first)) {
      sections.push({ kind: first, name: line.words[1] ?? '', line, lines: [] })
    } else if (sections.length === 0) {
      ledger.drop(line, 'it stands before any section')
    } else {
      sections.at(-1)?.lines.push(line)
    }
  }
  return sections
}
