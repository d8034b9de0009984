// `alwayson drain` and `undrain`: take a server out of the rotation, and put it back.

import type { ServerStatus, Status } from '../agent/model.ts'
import type { Milliseconds } from '../foundation/time.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { type Judgement, settle } from './settle.ts'
import { counted } from './view/words.ts'

/** What `drain` may be told. */
export interface DrainOptions {
  /** Also the last server that is up: its requests wait meanwhile. */
  readonly force?: boolean
  /** Until nothing is in flight on it. */
  readonly wait?: boolean
  readonly within?: Milliseconds
}

/** Sends nothing new to a server; with `wait` until what it has is answered. */
export async function drain(
  ports: Ports,
  server: string,
  { force = false, wait = false, within }: DrainOptions,
): Promise<ExitCode> {
  await ports.agent.ask('/drain', { server, force }, ports.interrupted)
  if (wait) return settle(ports, (status) => judgeDrain(status, server), within)
  const { active = 0 } = serverIn(await ports.agent.ask('/status', {}), server) ?? {}
  const inFlight = `${counted(active, 'request is', 'requests are')} in flight on it`
  ports.out.write(`${server} takes nothing new; ${inFlight}\n`)
  return exit.done
}

/** Lets a drained server take requests again. */
export async function undrain(ports: Ports, server: string): Promise<ExitCode> {
  await ports.agent.ask('/undrain', { server }, ports.interrupted)
  const seen = serverIn(await ports.agent.ask('/status', {}), server)
  const reason = seen === undefined || seen.verdict === 'up' ? '' : ' as soon as it is up'
  ports.out.write(`${server} takes requests again${reason}\n`)
  return exit.done
}

/** How far the drain of one server is. */
export function judgeDrain(status: Status, server: string): Judgement {
  const seen = serverIn(status, server)
  if (seen === undefined) return { kind: 'done', line: `${server} is no more` }
  if (!seen.drained) {
    return {
      kind: 'failed',
      line: `somebody else undrained ${server} meanwhile`,
      remedy: `alwayson events shows when; again: alwayson drain ${server}`,
    }
  }
  if (seen.routed === 'up' || seen.active > 0) {
    return { kind: 'waiting', line: `${server}: ${counted(seen.active, 'request')} in flight` }
  }
  return {
    kind: 'done',
    line: `${server} takes nothing new and nothing is in flight on it: it can be stopped`,
  }
}

const serverIn = (status: Status, id: string): ServerStatus | undefined =>
  status.services.flatMap(({ servers }) => servers).find((server) => server.id === id)
