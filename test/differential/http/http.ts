// Do our balancer, HAProxy and nginx make the same of the same messages, valid and hostile, in
// front of the same server? And does every server see the requests that we think we sent?
//
//   npm run differential:http                                      a hundred thousand messages
//   npm run differential:http -- --messages 1000000 --seed 1 --keep FILE
//   npm run differential:http -- --seed 4711 --messages 1          one of them, again
//
// With --keep it goes on where the last run with this file stopped. A disagreement that no row of
// `disagreements.ts` explains is a failure, and so is, without exception, a message of which any
// server sees other requests than our balancer meant.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { machineFacts } from '../../../bench/lib/report.ts'
import { explanations } from './disagreements.ts'
import { type Counts, differential } from './run.ts'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    messages: { type: 'string', default: '100000' },
    lanes: { type: 'string', default: '128' },
    keep: { type: 'string' },
  },
})

/** What earlier runs with the same file came to. */
interface Kept {
  readonly messages: number
  readonly passed: number
  readonly agreed: number
  readonly unsteady: number
  readonly explained: Readonly<Record<string, number>>
}

const nothing: Kept = { messages: 0, passed: 0, agreed: 0, unsteady: 0, explained: {} }
const { keep } = values
const before: Kept =
  keep !== undefined && existsSync(keep) ? JSON.parse(readFileSync(keep, 'utf8')) : nothing

function together(counts: Counts): Kept {
  const explained: Record<string, number> = { ...before.explained }
  for (const [key, count] of counts.explained) explained[key] = (explained[key] ?? 0) + count
  return {
    messages: before.messages + counts.messages,
    passed: before.passed + counts.passed,
    agreed: before.agreed + counts.agreed,
    unsteady: before.unsteady + counts.unsteady,
    explained,
  }
}

const began = performance.now()
const progress = (counts: Counts): void => {
  const all = together(counts)
  const rate = counts.messages / ((performance.now() - began) / 1000)
  say(`${all.messages} messages, ${Math.round(rate)} a second, ${counts.findings.length} findings`)
  if (keep !== undefined) writeFileSync(keep, JSON.stringify(all))
}

say(machineFacts())
const counts = await differential({
  seed: Number(values.seed) + before.messages,
  messages: Number(values.messages) - before.messages,
  lanes: Number(values.lanes),
  progress,
  found: ({ seed, kind, what, message }) =>
    say(`${kind}, seed ${seed}: ${what}\n  ${JSON.stringify(message)}`),
})
progress(counts)
const all = together(counts)
for (const { id, rfc, why } of explanations) {
  const [haproxy, nginx] = ['haproxy', 'nginx'].map((peer) => all.explained[`${id} ${peer}`] ?? 0)
  say(`${String(haproxy).padStart(7)} ${String(nginx).padStart(7)}  ${id} (RFC ${rfc}): ${why}`)
}
const violations = counts.findings.filter(({ kind }) => kind === 'violation').length
say(`VALUE differential_messages ${all.messages}`)
say(`VALUE differential_passed ${all.passed}`)
say(`VALUE differential_agreed ${all.agreed}`)
say(`VALUE differential_unsteady ${all.unsteady}`)
say(`VALUE differential_unexplained ${counts.findings.length - violations}`)
say(`VALUE differential_violations ${violations}`)
process.exitCode = counts.findings.length === 0 ? 0 : 1
