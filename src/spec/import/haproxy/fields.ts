// Which header fields does a frontend set or take away for all of its requests: `http-request
// set-header` and its kin (configuration manual, section 4.3)?

import { patterns, readHeaderName } from '../../values.ts'
import { isAlways, isNever, readCondition } from './conditions.ts'
import type { Ledger } from './ledger.ts'
import type { Acl, FieldRule, Line } from './model.ts'
import type { FieldsTree } from './tree.ts'

const kinds = new Set(['set-header', 'add-header', 'del-header'])

/** Whether a line is such a rule. */
export const isFieldRule = ({ words: [first, second = ''] }: Line): boolean =>
  (first === 'http-request' || first === 'http-response') && kinds.has(second)

const ours = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'])

/** The rule; `undefined` if there is none left, of which a word is said. */
export function readFieldRule(
  line: Line,
  acls: readonly Acl[],
  isEncrypted: boolean,
  ledger: Ledger,
): FieldRule | undefined {
  const [first, kind, name = '', ...more] = line.words
  const of = first === 'http-request' ? 'request' : 'response'
  const at = more.findIndex((word) => word === 'if' || word === 'unless')
  const condition = readCondition(at < 0 ? [] : more.slice(at), acls, isEncrypted)
  const words = at < 0 ? more : more.slice(0, at)
  const drop = (reason: string): undefined => ledger.drop(line, reason)
  if (of === 'request' && kind !== 'del-header' && ours.has(name.toLowerCase())) {
    return ledger.drop(line, `not needed: ${name} is set by itself: see \`forwarded\``, {
      loss: 'nothing',
    })
  }
  if (condition.kind === 'beyond') return drop(condition.reason)
  if (isNever(condition)) {
    ledger.carry(line)
    return undefined
  }
  if (!isAlways(condition)) return drop('add it by hand: a route has fields of its own')
  if (!readHeaderName(name).ok || name.includes('${')) return drop(`\`${name}\` is left alone`)
  if (kind === 'del-header') {
    if (words.length > 0) return drop('fields are taken away by their whole name')
    ledger.carry(line)
    return { line, of, name, value: undefined }
  }
  const value = formatted(words.join(' '), of)
  if (value === undefined) return drop('values know the client and the host, and plain text')
  const isAdded = kind === 'add-header'
  if (isAdded && name.toLowerCase() === 'set-cookie') {
    return drop('it would take the place of the servers’ own cookies')
  }
  ledger.carry(line, isAdded ? 'it takes the place of a field that is there' : undefined)
  return { line, of, name, value }
}

/** A log format as our file writes it; `undefined` if it asks for what our file cannot say. */
function formatted(format: string, of: FieldRule['of']): string | undefined {
  // What our file would take for a place to fill in.
  if (/\{client\}|\{host\}|\$\{/.test(format)) return undefined
  const parts = format.replace(/%%|%\[[^\]]*\]|%ci/g, (found) => {
    if (found === '%%') return '\u0001'
    if (of === 'request' && (found === '%[src]' || found === '%ci')) return '{client}'
    return of === 'request' && /^%\[(req\.)?hdr\(host\)\]$/i.test(found) ? '{host}' : found
  })
  if (parts.includes('%')) return undefined
  const value = parts.replaceAll('\u0001', '%')
  return patterns.fieldValue.test(value) ? value : undefined
}

/** The rules in their order as our file has them. */
export function fieldsTree(rules: readonly FieldRule[], of: FieldRule['of']): FieldsTree {
  const set = new Map<string, readonly [string, string]>()
  const remove = new Map<string, string>()
  for (const { of: whose, name, value } of rules) {
    if (whose !== of) continue
    const key = name.toLowerCase()
    set.delete(key)
    if (value === undefined) remove.set(key, name)
    else {
      remove.delete(key)
      set.set(key, [name, value])
    }
  }
  return {
    ...(set.size === 0 ? {} : { set: Object.fromEntries(set.values()) }),
    ...(remove.size === 0 ? {} : { remove: [...remove.values()] }),
  }
}
