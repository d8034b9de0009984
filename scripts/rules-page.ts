// The page about the rules, made from the tables themselves, so that it cannot say otherwise.

import { slotRules } from '../src/balancing/engines/native/slot-rules.ts'
import { clusterRules } from '../src/cluster/rules.ts'
import { ensembleRules } from '../src/coordination/ensemble/rules.ts'
import { backupRules } from '../src/databases/backups/rules.ts'
import { databaseRules } from '../src/databases/rules.ts'
import { formatDuration } from '../src/foundation/time.ts'
import { healthRules } from '../src/health/rules.ts'
import { decide } from '../src/services/decide.ts'
import { describeAction } from '../src/services/describe.ts'
import { provenAfter } from '../src/services/facts.ts'
import type { ReplicaSighting, ServiceObservation } from '../src/services/model.ts'
import { serviceRules } from '../src/services/rules.ts'
import { everyService } from '../test/fixtures/service-worlds.ts'

interface Row {
  readonly id: string
  readonly why: string
}

function table(rules: readonly Row[], example?: (id: string) => string): string {
  const heads = ['', 'rule', 'because', ...(example === undefined ? [] : ['for example'])]
  const rows = rules.map(({ id, why }, index) => {
    const cells = [String(index + 1), `\`${id}\``, why]
    return example === undefined ? cells : [...cells, example(id)]
  })
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n')
}

/** For each rule the first, and so smallest, world in which it decides. */
function examples(): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const most of [0, 1, 2, 3]) {
    for (const seen of everyService(most, most < 3)) {
      const { rule, actions } = decide(seen)
      if (found.has(rule)) continue
      const done = actions.length === 0 ? 'nothing is done' : actions.map(describeAction).join('; ')
      found.set(rule, `${describeWorld(seen)} → ${done}`)
      if (found.size === serviceRules.length) return found
    }
  }
  return found
}

function describeWorld({ state, replicas, now }: ServiceObservation): string {
  const of = (r: ReplicaSighting): string => {
    const drain = state.draining[r.id]
    const parts = [
      `${r.id} of revision ${r.revision}`,
      r.state === 'running' ? (r.verdict === 'unknown' ? 'not asked yet' : r.verdict) : r.state,
    ]
    if (drain !== undefined) {
      const inFlight = r.inFlight === undefined ? 'unknown' : r.inFlight
      parts.push(`leaving since ${now - drain} ms, in flight: ${inFlight}`)
    }
    if (state.replace.includes(r.id)) parts.push('to be exchanged')
    return parts.join(', ')
  }
  const wanted = `${state.replicas} of revision ${state.revision} wanted`
  const deploy = state.deploy === undefined ? [] : ['a deploy is under way']
  return [wanted, ...deploy, ...replicas.map(of)].join('; ')
}

/** The page of all rules; `note` says where it comes from. */
export function rulesPage(note: string): string {
  const found = examples()
  return `${note}
# Rules

What decides, in the order in which it is asked: the first rule that holds decides. These names stand in
\`alwayson events\` and \`alwayson why\`; the conditions are beside them in the files named.

## What a service needs next (\`src/services/rules.ts\`)

Asked again and again with what is seen at that moment: the effect of an action is seen in a later
round, never assumed. Each example is the smallest world in which the rule decides.

${table(serviceRules, (id) => found.get(id) ?? '')}

- A replica has proven itself once it has been up for ${formatDuration(provenAfter)} without a break: before that, no
  other leaves for it.
- During an exchange one replica more than wanted may run. An old one in a crash loop is not counted.
- Who leaves first: one that is not up, then one that has not proven itself, then one that is not of
  the revision that was well last, then the one with the highest number.

## Whether a server is alive (\`src/health/rules.ts\`)

Asked for every piece of news about a server: an answer to a check, a signal of the traffic, another
process at its address, another check.

${table(healthRules)}

- \`unknown\` takes no traffic. A server that has just started is asked every 10 ms at first, then
  every 2 % of its age, and never more rarely than the check's \`fast\`.
- While anything is in doubt (a failure, fewer passes than \`rise\`, \`down\`) it is asked every
  \`fast\`, otherwise every \`every\`. A signal of the traffic has it asked at once.

## Where everything runs (\`src/cluster/rules.ts\`)

Asked by the leader of a cluster of several machines. What it decides is one document, written under
its epoch; every machine acts on the last one that it has seen.

${table(clusterRules)}

## What a replicated database needs next (\`src/databases/rules.ts\`)

Asked by whoever leads, for each database, with what the keepers of its members have told and what is
written down. [databases.md](databases.md#how-it-decides) has the words.

${table(databaseRules)}

## What the backups of a database need next (\`src/databases/backups/rules.ts\`)

Asked by the machine that makes them, twice a second. [backups.md](backups.md) has the words.

${table(backupRules)}

## What this machine's server of a managed ensemble needs (\`src/coordination/ensemble/rules.ts\`)

Asked ten times a second on every machine that runs one.

${table(ensembleRules)}

## What a place for an edge needs (\`src/balancing/engines/native/slot-rules.ts\`)

${table(slotRules)}
`
}
