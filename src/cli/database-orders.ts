// The verbs that change who is primary, or copy a member anew: asked of the agent, and waited for.

import type { DatabaseOrdered } from '../agent/api.ts'
import type { Status } from '../agent/model.ts'
import type { DatabaseOverview } from '../databases/overview.ts'
import { shareOf } from '../databases/reasons.ts'
import { formatDuration, type Milliseconds } from '../foundation/time.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { type Judgement, settle } from './settle.ts'

/** What a verb that waits may be told. */
export interface WaitOptions {
  readonly wait: boolean
  readonly within: Milliseconds
}

type Judge = (status: Status) => Judgement

async function follow(
  ports: Ports,
  { wait, within }: WaitOptions,
  line: string,
  judge: Judge,
): Promise<ExitCode> {
  if (wait) return settle(ports, judge, within)
  ports.out.write(`${line}\n`)
  return exit.done
}

/** Moves the primary as planned, and waits until the other one serves. */
export async function switchover(
  ports: Ports,
  database: string,
  { to, ...options }: WaitOptions & { readonly to?: string },
): Promise<ExitCode> {
  const question = { verb: 'switchover', database, to } as const
  const ordered = await ports.agent.ask('/database', question, ports.interrupted)
  const line = `${database} moves to ${ordered.member}`
  return follow(ports, options, line, (status) => judgeMove(status, ordered))
}

/** Makes a member primary, if that loses nothing. */
export async function promote(
  ports: Ports,
  member: string,
  options: WaitOptions,
): Promise<ExitCode> {
  const ordered = await ports.agent.ask('/database', { verb: 'promote', member }, ports.interrupted)
  const line = `${ordered.database} moves to ${member}`
  return follow(ports, options, line, (status) => judgeMove(status, { ...ordered, member }))
}

/** Replaces a primary that is lost, and waits until another serves. */
export async function failover(
  ports: Ports,
  database: string,
  { acceptDataLoss = false, ...options }: WaitOptions & { readonly acceptDataLoss?: boolean },
): Promise<ExitCode> {
  const question = { verb: 'failover', database, acceptDataLoss } as const
  const ordered = await ports.agent.ask('/database', question, ports.interrupted)
  return follow(ports, options, `${database} fails over`, (s) => judgeReplaced(s, ordered))
}

/** Lets a failover go on that waits for an operator. */
export async function approve(
  ports: Ports,
  database: string,
  options: WaitOptions,
): Promise<ExitCode> {
  const question = { verb: 'approve', database } as const
  const ordered = await ports.agent.ask('/database', question, ports.interrupted)
  const line = `the failovers of ${database} are approved`
  return follow(ports, options, line, (status) => judgeApproved(status, ordered))
}

/** Copies a member anew, and waits until it follows. */
export async function reinit(
  ports: Ports,
  member: string,
  options: WaitOptions,
): Promise<ExitCode> {
  const ordered = await ports.agent.ask('/database', { verb: 'reinit', member }, ports.interrupted)
  const judge = judgeCopy({ ...ordered, member })
  return follow(ports, options, `${member} is copied anew`, judge)
}

/** Has nothing decided about a database any more, or everything again. */
export async function setPaused(
  ports: Ports,
  database: string,
  paused: boolean,
): Promise<ExitCode> {
  const verb = paused ? 'pause' : 'resume'
  await ports.agent.ask('/database', { verb, database }, ports.interrupted)
  const line = paused
    ? `nothing is decided about ${database}, whatever happens: alwayson resume ${database}`
    : `${database} is looked after again`
  ports.out.write(`${line}\n`)
  return exit.done
}

const find = ({ databases = [] }: Status, name: string): DatabaseOverview | undefined =>
  databases.find((one) => one.name === name)

const gone = (name: string): Judgement => ({
  kind: 'failed',
  line: `${name} is no longer in the file`,
  remedy: undefined,
})

/** Whoever was primary when a later epoch serves, and how long clients were held. */
function judgeLater(seen: DatabaseOverview, epoch: number): Judgement | undefined {
  if (seen.primary === undefined || seen.epoch <= epoch) return undefined
  const took = seen.failover === undefined ? '' : ` within ${formatDuration(seen.failover.took)}`
  return { kind: 'done', line: `${seen.primary} is primary of ${seen.name}${took}` }
}

const waiting = ({ rule, why, says }: DatabaseOverview): Judgement => ({
  kind: 'waiting',
  line: `${says} (${rule}: ${why})`,
})

/** How far a planned move is. */
export function judgeMove(status: Status, { database, epoch, member }: DatabaseOrdered): Judgement {
  const seen = find(status, database)
  if (seen === undefined) return gone(database)
  const done = judgeLater(seen, epoch)
  if (done === undefined) return waiting(seen)
  if (seen.primary === member) return done
  // One that was given up for a moment is tried again for as long as it is asked for.
  if (seen.request !== undefined) return waiting(seen)
  return {
    kind: 'failed',
    line: `${seen.primary} is primary of ${database}: ${seen.proofs[0]?.why ?? seen.why}`,
    remedy: `alwayson why ${member} says what held it back`,
  }
}

/** How far the replacement of a primary is. */
export function judgeReplaced(status: Status, { database, epoch }: DatabaseOrdered): Judgement {
  const seen = find(status, database)
  if (seen === undefined) return gone(database)
  return judgeLater(seen, epoch) ?? waiting(seen)
}

/** How far it is what was approved: a failover that waited, or that those so far were looked at. */
export function judgeApproved(status: Status, { database, epoch }: DatabaseOrdered): Judgement {
  const seen = find(status, database)
  if (seen === undefined) return gone(database)
  const replaced = judgeLater(seen, epoch)
  if (replaced !== undefined) return replaced
  const { primary, request, rule, members } = seen
  const isWell = members.some(({ name, standing }) => name === primary && standing === 'good')
  const isWaiting = request !== undefined || !isWell || rule.startsWith('would-')
  if (isWaiting) return waiting(seen)
  return {
    kind: 'done',
    line: `${primary} is primary of ${database}: the failovers so far have been looked at`,
  }
}

/**
 * How far the copy of a member is: it has begun once it was seen not to follow, or to be asked for,
 * and one of little data is over before it is seen a second time.
 */
export function judgeCopy({ database, member }: DatabaseOrdered): Judge {
  let begun = false
  return (status) => {
    const overview = find(status, database)
    const seen = overview?.members.find(({ name }) => name === member)
    if (overview === undefined || seen === undefined) return gone(member ?? database)
    const isAsked = overview.request !== undefined
    begun ||= isAsked || seen.standing !== 'good'
    if (begun && !isAsked && seen.standing === 'good') {
      return { kind: 'done', line: `${member} follows ${overview.primary} again` }
    }
    const far = seen.busy === undefined ? '' : ` ${shareOf(seen.busy)}`
    return { kind: 'waiting', line: `${member}: ${begun ? seen.state : 'asked'}${far}` }
  }
}
