// Which policy does a `balance` line come to, with the lines about hashing beside it?

import type { Ledger } from './ledger.ts'
import type { Line, Settings } from './model.ts'
import type { BalanceTree } from './tree.ts'
import { readCount } from './values.ts'

type Change = Partial<Settings>

const nothing: Change = {}

/** `balance ALGORITHM …` (configuration manual, section 4.2). */
export function readBalance(line: Line, _before: Settings, ledger: Ledger): Change {
  const [policy = '', option] = (line.words[1] ?? '').split('(')
  const carry = (value: BalanceTree, note?: string): Change => {
    ledger.carry(line, note)
    return { balance: { value, line } }
  }
  switch (policy) {
    case 'roundrobin':
    case 'leastconn':
    case 'first':
    case 'source':
      return carry(policy)
    case 'random':
      return carry('random', option === undefined || option === '2)' ? undefined : 'it draws two')
    case 'static-rr':
      return carry('roundrobin', 'roundrobin, whose weights may change while it runs')
    case 'uri':
      return carry(uriOf(line, ledger))
    case 'hdr':
      return carry({ hash: 'header', name: (option ?? '').replace(')', '') })
    default:
      ledger.drop(line, 'Always On hashes addresses, paths, headers and cookies')
      return nothing
  }
}

function uriOf(line: Line, ledger: Ledger): BalanceTree {
  const details: { query?: boolean; depth?: number } = {}
  for (let at = 2; at < line.words.length; at += 1) {
    const word = line.words[at]
    if (word === 'whole') details.query = true
    else if (word === 'depth') {
      at += 1
      // HAProxy counts slashes; the first one begins the path.
      details.depth = Math.max(1, readCount(line.words[at], 1, 100) ?? 1)
    } else {
      const piece = line.words.slice(at, at + 2).join(' ')
      ledger.drop(line, 'paths are cut at segments, not at characters', { piece })
      at += 1
    }
  }
  return Object.keys(details).length === 0 ? 'uri' : { hash: 'uri', ...details }
}

/** `hash-balance-factor PERCENT`. */
export function readHashBound(line: Line, _before: Settings, ledger: Ledger): Change {
  const value = readCount(line.words[1], 0, 65_535)
  if (value === undefined) {
    ledger.drop(line, 'it is no percentage')
    return nothing
  }
  ledger.carry(line, 'a server with less than ten requests is never called full')
  return { hashBound: { value, line } }
}

/** `hash-type METHOD …`: ours is always consistent. */
export function readHashType(line: Line, _before: Settings, ledger: Ledger): Change {
  const isConsistent = line.words[1] === 'consistent'
  ledger.carry(line, isConsistent ? undefined : 'hashes are always consistent')
  return nothing
}

/** The policy with its bound, as our file has it. */
export function balanceTree({ balance, hashBound }: Settings): BalanceTree | undefined {
  if (balance === undefined || hashBound === undefined) return balance?.value
  const { value } = balance
  const bound = Math.min(100, hashBound.value / 100)
  if (typeof value === 'object') return { ...value, bound }
  return value === 'source' || value === 'uri' ? { hash: value, bound } : value
}
