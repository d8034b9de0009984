// How do clients come back to their server, by a `cookie` line?

import type { Ledger } from './ledger.ts'
import type { Line, Settings } from './model.ts'
import type { StickyTree } from './tree.ts'
import { readTime, timeText } from './values.ts'

const harmless = new Set(['insert', 'indirect', 'nocache', 'httponly', 'secure', 'preserve'])

/** `cookie NAME insert …` (configuration manual, section 4.2); other ways are not carried over. */
export function readCookie(line: Line, _before: Settings, ledger: Ledger): Partial<Settings> {
  const [, name = '', ...options] = line.words
  if (!options.includes('insert')) {
    ledger.drop(line, 'cookies of servers are neither read nor changed: ours is beside them')
    return {}
  }
  const details: { idle?: string; life?: string; domain?: string } = {}
  for (let at = 0; at < options.length; at += 1) {
    const [option = '', value = ''] = [options[at], options[at + 1]]
    if (harmless.has(option)) continue
    at += 1
    const time = readTime(/^\d+$/.test(value) ? `${value}s` : value)
    if (option === 'maxidle' && time !== undefined) details.idle = timeText(time)
    else if (option === 'maxlife' && time !== undefined) details.life = timeText(time)
    else if (option === 'domain') details.domain = value.replace(/^\./, '')
    else {
      ledger.drop(line, 'Always On’s cookie has no such detail', { piece: `${option} ${value}` })
    }
  }
  const plain = Object.keys(details).length === 0
  const sticky: StickyTree = plain ? name : { cookie: name, ...details }
  ledger.carry(line, 'with values of our own; it is passed on to servers')
  return { cookie: { value: sticky, line } }
}
