// Draws messages, sends each through all proxies, and judges what came out.

import { seededRandom } from '../../../src/foundation/random.ts'
import { outcomeOf } from './compare.ts'
import { disagreementOf, explain } from './disagreements.ts'
import type { Disagreement } from './explanation.ts'
import { type Lane, Lanes, type Passed } from './lane.ts'
import { drawMessage, type Message } from './messages.ts'
import { violation } from './safety.ts'

/** How a run is drawn. */
export interface DifferentialOptions {
  /** Of the first message; each has its own, one after another. */
  readonly seed: number
  readonly messages: number
  readonly lanes: number
  /** Told how far it is, now and then. */
  readonly progress?: (counts: Counts) => void
  /** Told of what is wrong as soon as it is known. */
  readonly found?: (finding: Finding) => void
}

/** What was wrong with a message, and how it is seen again. */
export interface Finding {
  readonly seed: number
  readonly kind: 'violation' | 'unexplained'
  readonly what: string
  /** As short as it could be made. */
  readonly message: Message
}

/** What a run came to so far. */
export interface Counts {
  messages: number
  /** Requests that reached the server through our balancer. */
  passed: number
  /** Of comparisons with a peer. */
  agreed: number
  /** Disagreements by their explanation and peer. */
  readonly explained: Map<string, number>
  /** What was wrong once, and not again: a proxy that was too slow to be understood. */
  unsteady: number
  readonly findings: Finding[]
}

const peers = ['haproxy', 'nginx'] as const

/** What one message showed. */
interface Shown {
  /** Requests that the server got through our balancer. */
  readonly passed: number
  readonly violation: string | undefined
  readonly disagreements: readonly Disagreement[]
}

async function show(trio: readonly Lane[], message: Message): Promise<Shown> {
  const passed = await Promise.all(trio.map((lane) => lane.pass(message)))
  const [ours, ...others] = passed.map((one) => outcomeOf(message, one))
  if (ours === undefined) throw new Error('a lane without our balancer')
  const disagreements = others.flatMap((theirs, index) => {
    const it = disagreementOf(message, peers[index] ?? 'nginx', ours, theirs)
    return it === undefined ? [] : [it]
  })
  const wrong = violation(message, passed[0] as Passed)
  return { passed: ours.seen.length, violation: wrong, disagreements }
}

const kindOf = (shown: Shown): Finding['kind'] | undefined => {
  if (shown.violation !== undefined) return 'violation'
  return shown.disagreements.some((it) => explain(it) === undefined) ? 'unexplained' : undefined
}

const describe = (shown: Shown): string => {
  if (shown.violation !== undefined) return shown.violation
  return shown.disagreements
    .filter((it) => explain(it) === undefined)
    .map(({ peer, parting, ours, theirs, odd }) => {
      const verdicts =
        parting === undefined
          ? `ours: ${ours.got.slice(0, 60)}, theirs: ${theirs.got.slice(0, 60)}`
          : `ours: ${parting.ours}, theirs: ${parting.theirs}`
      return `${peer}: ${verdicts} (${[...odd].join(', ')})`
    })
    .join('; ')
}

/** In which way it is wrong; a shorter message that is wrong in another way is another finding. */
const wayOf = (shown: Shown): string | undefined => {
  if (shown.violation !== undefined) return 'violation'
  const unexplained = shown.disagreements.filter((it) => explain(it) === undefined)
  return unexplained.length === 0
    ? undefined
    : unexplained
        .map(({ peer, parting, odd }) =>
          [peer, parting?.ours, parting?.theirs, ...odd].filter(Boolean).join(' '),
        )
        .join('; ')
}

/** Whether it is wrong in the same way again and again. */
async function stays(
  trio: readonly Lane[],
  message: Message,
  way: string,
  times: number,
): Promise<Shown | undefined> {
  let shown: Shown | undefined
  for (let left = times; left > 0; left -= 1) {
    shown = await show(trio, message)
    if (wayOf(shown) !== way) return undefined
  }
  return shown
}

/** Leaves out of a message what is not needed for it to be wrong. */
async function shrink(trio: readonly Lane[], found: Message, way: string): Promise<Message> {
  let message: Message = { ...found, cuts: [] }
  if ((await stays(trio, message, way, 1)) === undefined) return found
  const isAnswer = message.answer !== undefined
  const textOf = (one: Message): string => one.answer?.bytes ?? one.bytes
  const withText = (text: string): Message => {
    const { answer } = message
    if (answer === undefined) return { ...message, bytes: text }
    return { ...message, answer: { ...answer, bytes: text } }
  }
  let tries = 150
  for (let size = Math.max(1, textOf(message).length >> 1); size >= 1; size = size >> 1) {
    for (let at = 0; at < textOf(message).length && tries > 0; tries -= 1) {
      const text = textOf(message)
      const shorter = withText(text.slice(0, at) + text.slice(at + size))
      const isEmpty = isAnswer && textOf(shorter) === ''
      if (isEmpty || (await stays(trio, shorter, way, 1)) === undefined) at += size
      else message = shorter
    }
  }
  return message
}

/** Runs so many messages over so many lanes at once; ends early after ten findings. */
export async function differential(options: DifferentialOptions): Promise<Counts> {
  const { seed, messages, lanes: laneCount, progress } = options
  const counts: Counts = {
    ...{ messages: 0, passed: 0, agreed: 0, unsteady: 0 },
    ...{ explained: new Map(), findings: [] },
  }
  await using lanes = await Lanes.open(laneCount)
  let next = 0
  const drive = async (trio: readonly Lane[]): Promise<void> => {
    while (next < messages && counts.findings.length < 10) {
      const drawn = seed + next
      next += 1
      const finding = await judge(trio, drawn, counts)
      if (finding !== undefined) {
        counts.findings.push(finding)
        options.found?.(finding)
      }
      if (counts.messages % 5000 === 0) progress?.(counts)
    }
  }
  await Promise.all(lanes.lanes.map(drive))
  return counts
}

async function judge(
  trio: readonly Lane[],
  seed: number,
  counts: Counts,
): Promise<Finding | undefined> {
  const message = drawMessage(seededRandom(seed, 'differential http'))
  const shown = await show(trio, message)
  counts.messages += 1
  counts.passed += shown.passed
  counts.agreed += peers.length - shown.disagreements.length
  const kind = kindOf(shown)
  if (kind !== undefined) {
    const way = wayOf(shown) ?? ''
    const again = await stays(trio, message, way, 3)
    if (again !== undefined) {
      return { seed, kind, what: describe(again), message: await shrink(trio, message, way) }
    }
    counts.unsteady += 1
    return undefined
  }
  for (const it of shown.disagreements) {
    const key = `${explain(it)?.id} ${it.peer}`
    counts.explained.set(key, (counts.explained.get(key) ?? 0) + 1)
  }
  return undefined
}
