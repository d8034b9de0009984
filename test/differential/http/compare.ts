// What did a message come to, in words that do not depend on which proxy it went through, and where
// do two proxies part?

import { readAnswers } from './answers.ts'
import type { Passed } from './lane.ts'
import type { Message } from './messages.ts'
import { endBody, endRequest } from './origin.ts'
import { type Dialect, dialects, readRequests } from './reading.ts'

/** What a message came to. */
export interface Outcome {
  /** The requests that the server got, without the one behind the message. */
  readonly seen: readonly string[]
  /** Where the server's answer is what is tried: what the client was made to believe. */
  readonly got: string
  readonly end: Passed['end']
}

const [strict, asServed] = ['strict', 'lf'].map((wanted) =>
  dialects.find(({ name }) => name === wanted),
) as [Dialect, Dialect]

/** Paths as they are asked for, whatever form the target had. */
const pathOf = (target: string): string => {
  const path = target.replace(/^https?:\/\/[^/?]*/i, '')
  return path.startsWith('?') ? `/${path}` : path || '/'
}

/** What a client got for the server's answer: an answer, none that it would believe, or a wait. */
function believed(down: string, end: Passed['end']): string {
  const answers = readAnswers(down, end === 'closed')
  const first = answers[0]
  if (first === undefined) return end === 'waits' ? 'waits' : 'nothing'
  const { status, body, isWhole, isOrigins } = first
  if (isOrigins && body === endBody) return 'nothing'
  if (status === 502 || status === 504) return 'nothing'
  if (!isWhole) return end === 'waits' ? 'waits' : 'nothing'
  return `${status} ${body}`
}

export function outcomeOf(message: Message, { up, down, end }: Passed): Outcome {
  const requests = up.flatMap((text) => readRequests(text, asServed).requests)
  return {
    seen: requests
      .filter(({ method, target }) => method !== 'GET' || target !== '/end')
      .map(({ method, target, body }) => `${method} ${pathOf(target)} ${body}`),
    got: message.answer === undefined ? '' : believed(down, end),
    end,
  }
}

/** What a proxy did with the first request of which another made something else. */
export type Verdict = 'passed' | 'refused' | 'answered' | 'waits'

/** Where two proxies part. */
export interface Parting {
  readonly ours: Verdict
  readonly theirs: Verdict
  /** The message from the request on at which they part. */
  readonly tail: string
  /** Both passed a request, and not the same. */
  readonly isOther: boolean
}

/** Where they part; `undefined` where they agree. Of the requests, not of what was answered. */
export function partingOf(message: Message, ours: Outcome, theirs: Outcome): Parting | undefined {
  let common = 0
  while (common < ours.seen.length && ours.seen[common] === theirs.seen[common]) common += 1
  const isSame = common === ours.seen.length && common === theirs.seen.length
  if (isSame && ours.end === theirs.end) return undefined
  const { requests } = readRequests(message.bytes + endRequest, strict)
  const from = common === 0 ? 0 : (requests[common - 1]?.end ?? 0)
  const verdict = ({ seen, end }: Outcome): Verdict => {
    if (seen.length > common) return 'passed'
    return end === 'waits' ? 'waits' : end === 'closed' ? 'refused' : 'answered'
  }
  const verdicts = { ours: verdict(ours), theirs: verdict(theirs) }
  const isOther = verdicts.ours === 'passed' && verdicts.theirs === 'passed'
  return { ...verdicts, tail: (message.bytes + endRequest).slice(from), isOther }
}
