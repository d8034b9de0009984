// Is this server alive? News in, verdict out. Pure.

import { firstMatch } from '../control/rules.ts'
import { type Instant, since } from '../foundation/time.ts'
import { agentAfter } from './agent-words.ts'
import { factsOf } from './facts.ts'
import type { Health, HealthObservation, Sighting, VerdictChange } from './model.ts'
import { healthRules } from './rules.ts'

/** What is known of a server that nobody has asked yet. */
export const unknownHealth = (now: Instant): Health => ({
  verdict: 'unknown',
  since: now,
  passes: 0,
  failures: 0,
  last: undefined,
  suspectedAt: undefined,
  agent: undefined,
})

/** What follows from one piece of news. */
export interface Judgement {
  readonly health: Health
  /** `undefined` while the verdict stays what it was. */
  readonly change: VerdictChange | undefined
  readonly rule: string
}

/** Judges one server after one piece of news: same observation, same judgement. */
export function judge(seen: HealthObservation): Judgement {
  const facts = factsOf(seen)
  const { rule, why, actions } = firstMatch(healthRules, facts)
  const before = seen.news.kind === 'restarted' ? unknownHealth(seen.now) : seen.health
  const from = seen.health.verdict
  const { news } = seen
  const sighting = news.kind === 'sighting' ? news.sighting : undefined
  let health: Health = {
    verdict: from,
    since: seen.health.since,
    passes: facts.passes,
    failures: facts.failures,
    last: sighting ?? before.last,
    suspectedAt: sighting === undefined ? before.suspectedAt : doubtAfter(before, sighting),
    agent: agentAfter(before.agent, news, seen.check),
  }
  for (const action of actions) {
    if (action.kind === 'suspect') health = { ...health, suspectedAt: seen.now }
    else if (action.verdict !== from) {
      health = { ...health, verdict: action.verdict, since: seen.now }
    }
  }
  if (health.verdict === from) return { health, change: undefined, rule }
  const detail = seen.news.kind === 'agent' ? seen.news.report.line : failureOf(health)
  const because = detail === undefined ? why : `${why}: ${detail}`
  const change = { server: seen.server, from, to: health.verdict, rule, why: because }
  return { health, change, rule }
}

const failureOf = ({ last }: Health): string | undefined =>
  last?.kind === 'failed' ? last.reason : undefined

/** A doubt is answered only by a probe that began after it was cast. */
function doubtAfter({ suspectedAt }: Health, last: Sighting): Instant | undefined {
  const answers =
    last.kind !== 'unasked' && suspectedAt !== undefined && since(suspectedAt, last.at) >= last.took
  return answers ? undefined : suspectedAt
}
