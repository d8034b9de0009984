// What does an agent's line mean (HAProxy configuration manual 5.2, `agent-check`)? Pure.

import type { AgentReport, AgentWord, Check, News } from './model.ts'

/** What holds of a server whose agent has said nothing of it yet. */
const silent: AgentWord = {
  says: 'up',
  takes: 'ready',
  weight: 100,
  maxConnections: undefined,
  line: '',
}

/** A longer line is not read to its end. */
export const agentLineBytesMost = 1024

/**
 * Reads one line: words between spaces, tabs or commas, in any order; what follows `#` is a remark
 * for people. Words that are not known mean nothing, as in HAProxy; a line of none is `undefined`.
 */
export function readAgentLine(text: string): AgentReport | undefined {
  const line = (/^[^\r\n]*/.exec(text)?.[0] ?? '').replace(/[^ -~]/g, ' ').trim()
  const [said = ''] = line.split('#', 1)
  let report: AgentReport = { line }
  let understood = false
  for (const word of said.toLowerCase().split(/[ ,]+/)) {
    const change = meaningOf(word)
    if (change === undefined) continue
    report = { ...report, ...change }
    understood = true
  }
  return understood ? report : undefined
}

function meaningOf(word: string): Partial<AgentReport> | undefined {
  switch (word) {
    case 'up':
      return { says: 'up' }
    case 'down':
    case 'fail':
    case 'failed':
    case 'stopped':
      return { says: 'down' }
    case 'ready':
    case 'drain':
    case 'maint':
      return { takes: word }
    default:
      return measureOf(word)
  }
}

function measureOf(word: string): Partial<AgentReport> | undefined {
  const share = /^(\d{1,4})%$/.exec(word)?.[1]
  if (share !== undefined) return { weight: Number(share) }
  const limit = /^maxconn:(\d{1,7})$/.exec(word)?.[1]
  return limit === undefined ? undefined : { maxConnections: Number(limit) }
}

/** What the agent has said once these news are in; a check that asks none has no agent's word. */
export function agentAfter(
  before: AgentWord | undefined,
  news: News,
  check: Check,
): AgentWord | undefined {
  if (news.kind === 'check-changed' && !asksAgent(check)) return undefined
  return news.kind === 'agent' ? { ...silent, ...before, ...news.report } : before
}

const asksAgent = (check: Check): boolean => check.kind !== 'none' && check.agent !== undefined

/** Whether a table made from one of them differs from one made from the other. */
export const meansTheSame = (a: AgentWord | undefined, b: AgentWord | undefined): boolean =>
  a === b ||
  (a?.takes === b?.takes && a?.weight === b?.weight && a?.maxConnections === b?.maxConnections)
