// How the command line speaks to the agent of a file: HTTP over its private socket.

import { type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { Fault, systemCode } from '../foundation/fault.ts'
import type { AgentApi, ApiFault, EventLine } from './api.ts'

/** Asks the agent behind `socket`. Throws the agent's own Fault, or `not-running`. */
export async function ask<Path extends keyof AgentApi>(
  socket: string,
  path: Path,
  question: AgentApi[Path]['ask'],
  signal?: AbortSignal,
): Promise<AgentApi[Path]['answer']> {
  const answer = await send(socket, 'POST', path, JSON.stringify(question), signal)
  const value: unknown = JSON.parse(await whole(answer, socket))
  if (answer.statusCode === 200) return value as AgentApi[Path]['answer']
  const fault = value as ApiFault
  throw new Fault(fault.code, fault.message, fault)
}

async function whole(answer: IncomingMessage, socket: string): Promise<string> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer)
  } catch (cause) {
    throw notAnswering(socket, cause as Error)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The journal of a running agent; with `follow` it goes on until `signal` or the agent's end. */
export async function* events(
  socket: string,
  { last, follow }: { readonly last: number; readonly follow: boolean },
  signal?: AbortSignal,
): AsyncGenerator<EventLine> {
  const path = `/events?last=${last}${follow ? '&follow=1' : ''}`
  const answer = await send(socket, 'GET', path, undefined, signal)
  try {
    for await (const line of createInterface({ input: answer })) yield JSON.parse(line) as EventLine
  } catch (thrown) {
    // The agent's end, however it came: it writes whole lines, so none is cut.
    if (systemCode(thrown) !== 'ECONNRESET') throw thrown
  }
}

function send(
  socketPath: string,
  method: string,
  path: string,
  body: string | undefined,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'agent', 'content-type': 'application/json' }
    const options = {
      socketPath,
      method,
      path,
      headers,
      ...(signal === undefined ? {} : { signal }),
    }
    const outgoing = request(options, resolve)
    outgoing.on('error', (cause) => reject(notAnswering(socketPath, cause)))
    outgoing.end(body)
  })
}

function notAnswering(socketPath: string, cause: Error): Error {
  const gone = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']
  if (!gone.includes(systemCode(cause) ?? '')) return cause
  return new Fault('not-running', `no agent answers at ${socketPath}`, {
    cause,
    remedy: 'start it: alwayson up',
  })
}
