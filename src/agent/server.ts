// The door of a running agent: questions over a link on a socket that only this user can reach.

import { type Link, type LinkListener, listenForLinks } from '../control/link.ts'
import { describeError, Fault } from '../foundation/fault.ts'
import type { AgentApi, AgentAsk, AgentReply, ApiFault } from './api.ts'
import type { OpenJournal } from './journal.ts'

/** One answer for each question that may be asked. */
export type Answers = {
  readonly [Path in keyof AgentApi]: (
    ask: AgentApi[Path]['ask'],
  ) => AgentApi[Path]['answer'] | Promise<AgentApi[Path]['answer']>
}

/**
 * Answers at `socket` until disposed, which also ends what is being told. The caller holds the
 * lock: a socket found there is stale.
 */
export async function serveAgent(
  socket: string,
  answers: Answers,
  journal: OpenJournal,
): Promise<Disposable> {
  const links = new Set<Link<AgentReply>>()
  const server = await listenForLinks<AgentReply, AgentAsk>(socket, (link) => {
    const door = openDoor(link, answers, journal)
    links.add(link)
    return {
      message: door.message,
      ended: (why) => {
        links.delete(link)
        door.ended(why)
      },
    }
  })
  return {
    [Symbol.dispose]() {
      server[Symbol.dispose]()
      for (const link of links) link.close()
    },
  }
}

/** Serves one asker. What follows the journal is let go of with the link. */
function openDoor(
  link: Link<AgentReply>,
  answers: Answers,
  journal: OpenJournal,
): LinkListener<AgentAsk> {
  let following: Disposable | undefined
  const tell = (message: AgentAsk & { kind: 'events' }): void => {
    const { last, follow } = message
    const entries = last === 0 ? [] : journal.recent().slice(-last)
    for (const entry of entries) link.send({ kind: 'entry', entry })
    if (!follow) return link.send({ kind: 'end' })
    following ??= journal.follow((entry) => link.send({ kind: 'entry', entry }))
  }
  const answer = async ({ path, ask }: AgentAsk & { kind: 'ask' }): Promise<void> => {
    const respond = answers[path] as ((ask: unknown) => unknown) | undefined
    try {
      if (respond === undefined) throw new Fault('incompatible', `this agent knows no ${path}`)
      link.send({ kind: 'answer', answer: (await respond(ask)) as never })
    } catch (thrown) {
      link.send({ kind: 'fault', fault: faultOf(thrown) })
    }
  }
  return {
    message: (message) => {
      if (message.kind === 'events') tell(message)
      else void answer(message)
    },
    ended: () => following?.[Symbol.dispose](),
  }
}

function faultOf(thrown: unknown): ApiFault {
  const { code, remedy } = thrown instanceof Fault ? thrown : { code: 'failed', remedy: undefined }
  return { code: code as ApiFault['code'], message: describeError(thrown), remedy }
}
