// What does a client notice while something breaks? Always On beside HAProxy and nginx.
//
//   npm run bench:faults                              every fault, every peer, one round
//   npm run bench:faults -- --fault kill,hang --peer alwayson,nginx --rounds 5 --json FILE
//   npm run bench:faults -- --peer haproxy            both ways of configuring HAProxy

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type FaultName, faults, planOf } from './faults/faults.ts'
import {
  type Measured,
  measureFault,
  measureRepeatedPosts,
  type Repeated,
} from './faults/measure.ts'
import { machineFacts, median, ratioLine, spread, table } from './lib/report.ts'
import { alwaysOn } from './peers/alwayson.ts'
import { haproxyDefault, haproxyTuned } from './peers/haproxy.ts'
import { nginx } from './peers/nginx.ts'

/** In the order of the RATIO lines. */
const peers = [alwaysOn, haproxyDefault, haproxyTuned, nginx]

const { values } = parseArgs({
  options: {
    fault: { type: 'string' },
    peer: { type: 'string' },
    rounds: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
})

/**
 * The wanted ones of `all`, or all: a word names what it is, or what begins with it and goes on
 * after a hyphen. One that names none of them ends the run.
 */
function choose<Name extends string>(given: string | undefined, all: readonly Name[]): Name[] {
  const words = given?.split(',') ?? []
  const means = (word: string, name: Name): boolean => name === word || name.startsWith(`${word}-`)
  const unknown = words.filter((word) => !all.some((name) => means(word, name)))
  if (unknown.length > 0) {
    process.stderr.write(`${unknown.join(', ')} is none of ${all.join(', ')}\n`)
    process.exit(2)
  }
  const isWanted = (name: Name): boolean => words.some((word) => means(word, name))
  return words.length === 0 ? [...all] : all.filter(isWanted)
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)

const everything = [...(Object.keys(faults) as FaultName[]), 'repeated_posts' as const]
const chosenFaults = choose(values.fault, everything)
const chosenPeers = choose(
  values.peer,
  peers.map((peer) => peer.name),
)
const rounds = Number(values.rounds)

const measured: Measured[] = []
const repeated: Repeated[] = []
const facts = machineFacts()
say(facts)
for (let round = 1; round <= rounds; round += 1) {
  for (const fault of chosenFaults) {
    for (const peer of peers.filter(({ name }) => chosenPeers.includes(name))) {
      if (fault === 'repeated_posts') {
        const seen = await measureRepeatedPosts(peer)
        repeated.push(seen)
        say(`${round} ${fault} ${peer.name}: ${seen.executions} executions, ${seen.errors} errors`)
      } else {
        const seen = await measureFault(fault, peer)
        measured.push(seen)
        say(
          `${round} ${fault} ${peer.name}: ${seen.failed} failed, ${seen.slow} slow of ` +
            `${seen.requests}, longest ${Math.round(seen.latencyMost)} ms ${seen.failures}`,
        )
      }
    }
  }
}

const of = (fault: string, peer: string): readonly Measured[] =>
  measured.filter((each) => each.fault === fault && each.peer === peer)

const rows = [
  ['fault', 'balancer', 'rounds', 'failed', 'later than 1 s', 'longest ms', 'failed for ms', 'how'],
]
for (const fault of Object.keys(faults)) {
  for (const { name } of peers) {
    const lives = of(fault, name)
    if (lives.length === 0) continue
    const shown = (pick: (life: Measured) => number): string => spread(lives.map(pick))
    rows.push([
      fault,
      name,
      String(lives.length),
      shown((life) => life.failed),
      shown((life) => life.slow),
      shown((life) => life.latencyMost),
      shown((life) => life.failedFor),
      lives.map((life) => life.failures).find((text) => text !== '') ?? '',
    ])
  }
}
say(`\nof each: least/middle/most of the rounds; 500 requests a second\n\n${table(rows)}\n`)
for (const fault of chosenFaults.filter((name) => name !== 'repeated_posts')) {
  say(`${fault}: ${planOf(fault).what}`)
}

/** The middle of what `pick` finds for each peer, ours first. */
function ratio(name: string, pick: (peer: string) => readonly number[]): void {
  const each = peers.map((peer) => pick(peer.name))
  say(
    ratioLine(
      name,
      each.map((values) => (values.length === 0 ? undefined : median(values))),
    ),
  )
}
say('')
for (const fault of chosenFaults) {
  if (fault === 'repeated_posts') {
    ratio(fault, (peer) =>
      repeated.filter((each) => each.peer === peer).map((each) => each.executions - each.posts),
    )
  } else {
    ratio(`failed_${fault}`, (peer) => of(fault, peer).map((life) => life.failed))
    ratio(`slow_${fault}`, (peer) => of(fault, peer).map((life) => life.slow))
  }
}
if (values.json !== undefined) {
  writeFileSync(values.json, JSON.stringify({ facts, measured, repeated }, null, 2))
}
