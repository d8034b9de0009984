// What happens in a simulated database, for people: what each member is, and who decided what.

import { describeAction } from '../../databases/describe.ts'
import { formatDuration, ms } from '../../foundation/time.ts'
import type { DatabaseWorld } from './world.ts'

/** What each member is, and the epoch, on one line. */
export function sketchOf({ nodes, record }: DatabaseWorld): string {
  const state = nodes.map((node) => {
    const source = node.streams ? ` of ${node.source?.name}` : ''
    const ails = [
      ...[!node.machineUp && 'off', node.hung && 'hung', node.diverged && 'diverged'],
      ...[node.forgot && 'forgot', node.diskFull && 'full', node.isWreck && 'half copied'],
    ]
    return [node.name, node.server + source, ...ails.filter(Boolean)].join(' ')
  })
  return `${state.join(', ')}; epoch ${record.epoch}`
}

/** Tells `write` of every rule that decides after another one; returns what tells more. */
export function traceOf(
  world: DatabaseWorld,
  write: (line: string) => void,
): (what: string) => void {
  const began = world.now
  const tell = (what: string): void =>
    write(`${formatDuration(ms(world.now - began)).padStart(7)}  ${what}`)
  world.onDecision = ({ rule, why, actions }) => {
    tell(`${rule} (${why})`)
    for (const action of actions) tell(`  ${describeAction(action)}`)
  }
  return tell
}
