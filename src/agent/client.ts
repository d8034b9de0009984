// How the command line speaks to the agent of a file: questions over its private socket.

import { type Link, type LinkListener, openLink } from '../control/link.ts'
import { isRefusal, notOurs } from '../control/owner.ts'
import { Fault } from '../foundation/fault.ts'
import type { AgentApi, AgentAsk, AgentReply, EventLine } from './api.ts'

/**
 * Asks the agent behind `socket`. Throws the agent's own Fault, `not-running`, or `refused` where
 * it is another user's.
 */
export async function ask<Path extends keyof AgentApi>(
  socket: string,
  path: Path,
  question: AgentApi[Path]['ask'],
  signal?: AbortSignal,
): Promise<AgentApi[Path]['answer']> {
  const { promise, resolve, reject } = Promise.withResolvers<AgentApi[Path]['answer']>()
  const link = await open(socket, {
    message: (reply) => {
      if (reply.kind === 'answer') resolve(reply.answer as AgentApi[Path]['answer'])
      if (reply.kind === 'fault')
        reject(new Fault(reply.fault.code, reply.fault.message, reply.fault))
    },
    // It matters only before an answer: after one, the promise is settled.
    ended: (cause) => reject(notAnswering(socket, cause)),
  })
  const abort = (): void => reject(signal?.reason)
  signal?.addEventListener('abort', abort)
  if (signal?.aborted) abort()
  try {
    link.send({ kind: 'ask', path, ask: question } as AgentAsk)
    return await promise
  } finally {
    signal?.removeEventListener('abort', abort)
    link.drop()
  }
}

/** The journal of a running agent; with `follow` it goes on until `signal` or the agent's end. */
export async function* events(
  socket: string,
  { last, follow }: { readonly last: number; readonly follow: boolean },
  signal?: AbortSignal,
): AsyncGenerator<EventLine> {
  const entries: EventLine[] = []
  let over = false
  let wake = (): void => {}
  const end = (): void => {
    over = true
    wake()
  }
  const link = await open(socket, {
    message: (reply) => {
      if (reply.kind === 'entry') entries.push(reply.entry)
      else over = true
      wake()
    },
    ended: end,
  })
  signal?.addEventListener('abort', end)
  try {
    link.send({ kind: 'events', last, follow })
    for (;;) {
      yield* entries.splice(0)
      signal?.throwIfAborted()
      if (over && entries.length === 0) return
      if (entries.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
          if (over || signal?.aborted) resolve()
        })
      }
    }
  } finally {
    signal?.removeEventListener('abort', end)
    link.drop()
  }
}

async function open(socket: string, listener: LinkListener<AgentReply>): Promise<Link<AgentAsk>> {
  try {
    return await openLink<AgentAsk, AgentReply>(socket, listener)
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code !== 'unreachable') throw thrown
    const cause = thrown instanceof Fault ? thrown.cause : thrown
    if (isRefusal(cause)) throw notOurs('the agent of this file', socket, cause)
    throw notAnswering(socket, cause)
  }
}

const notAnswering = (socket: string, cause: unknown): Fault =>
  new Fault('not-running', `no agent answers at ${socket}`, {
    cause,
    remedy: 'start it: alwayson up',
  })
