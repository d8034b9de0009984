// What does a client notice? An open loop of requests at a fixed rate over connections that are
// kept alive, each request accounted for, none repeated.

import { Agent, type IncomingMessage, request } from 'node:http'

/** What became of one request. */
export interface Outcome {
  /** When it was due, in ms since the loop began; latency counts from here. */
  readonly due: number
  readonly latency: number
  /** 0 when no whole answer came. */
  readonly status: number
  /** Why no whole answer came: `ECONNRESET`, `timeout`, …; empty otherwise. */
  readonly error: string
  /** The server that answered, as it names itself. */
  readonly server: string
}

export interface LoadOptions {
  readonly port: number
  /** Requests a second. */
  readonly rate: number
  /** A client gives up after this many ms. */
  readonly deadline: number
  readonly method?: 'GET' | 'POST'
  readonly path?: string
  /** Stops by itself after so many requests. */
  readonly count?: number
}

/** A loop that runs until it is told to stop. */
export interface Load {
  /** Ms since the loop began. */
  now(): number
  /** Sends nothing more, waits for what is under way, and returns every request's outcome. */
  stop(): Promise<readonly Outcome[]>
  /** Resolves when `count` requests have their outcome. */
  readonly done: Promise<void>
}

/** How many connections the clients hold from the start; more are opened when these are busy. */
const connectionsLeast = 20

/**
 * Starts the loop. A connection that the server closed while no request was on it is replaced
 * without a word, as every client does; a request that was sent and got no answer has failed.
 */
export function startLoad(options: LoadOptions): Load {
  const agent = new Agent({ keepAlive: true, scheduling: 'fifo', maxFreeSockets: 1024 })
  const outcomes: Outcome[] = []
  const began = performance.now()
  const now = (): number => performance.now() - began
  const period = 1000 / options.rate
  const most = options.count ?? Number.POSITIVE_INFINITY
  const ended = Promise.withResolvers<void>()
  let sent = 0
  let stopped = false

  const settle = (outcome: Outcome): void => {
    outcomes.push(outcome)
    const complete = (stopped || sent >= most) && outcomes.length === sent
    if (complete) ended.resolve()
  }
  const pump = (): void => {
    if (stopped) return
    while (sent < most && sent * period <= now()) {
      // The first ones leave together, so that there are as many connections to go on with.
      const due = sent < connectionsLeast ? 0 : sent * period
      sent += 1
      ask(agent, options, due, now, settle)
    }
    if (sent < most) setTimeout(pump, 1)
  }
  for (; sent < Math.min(connectionsLeast, most); sent += 1) ask(agent, options, 0, now, settle)
  pump()
  return {
    now,
    done: ended.promise,
    async stop() {
      stopped = true
      if (outcomes.length === sent) ended.resolve()
      await ended.promise
      agent.destroy()
      return outcomes
    },
  }
}

function ask(
  agent: Agent,
  options: LoadOptions,
  due: number,
  now: () => number,
  settle: (outcome: Outcome) => void,
): void {
  const { port, method = 'GET', path = '/' } = options
  let over = false
  const end = (status: number, error: string, server = ''): void => {
    if (over) return
    over = true
    clearTimeout(timer)
    settle({ due, latency: now() - due, status, error, server })
  }
  const fail = (cause: NodeJS.ErrnoException): void => end(0, cause.code ?? cause.message)
  const outgoing = request({ agent, host: '127.0.0.1', port, method, path })
  const timer = setTimeout(() => {
    end(0, 'timeout')
    outgoing.destroy()
  }, options.deadline)
  outgoing.on('error', fail)
  outgoing.on('response', (answer: IncomingMessage) => {
    answer.on('error', fail)
    answer.on('end', () =>
      end(answer.statusCode ?? 0, '', String(answer.headers['x-server'] ?? '')),
    )
    answer.resume()
  })
  outgoing.end()
}

/** Answered too late, in ms: what people call down although it is up. */
export const late = 1000

/** The counts that the tables show. */
export interface Tally {
  readonly requests: number
  readonly failed: number
  /** Answered well, but later than `late`. */
  readonly slow: number
  readonly latencyMost: number
  /** From the first failed request to the end of the last one, in ms. */
  readonly failedFor: number
  /** `503×12 ECONNRESET×3` */
  readonly failures: string
}

export function tally(outcomes: readonly Outcome[]): Tally {
  const failed = outcomes.filter((outcome) => outcome.status !== 200)
  const kinds = Map.groupBy(failed, (outcome) => outcome.error || String(outcome.status))
  const first = Math.min(...failed.map((outcome) => outcome.due))
  const last = Math.max(...failed.map((outcome) => outcome.due + outcome.latency))
  return {
    requests: outcomes.length,
    failed: failed.length,
    slow: outcomes.filter(({ status, latency }) => status === 200 && latency > late).length,
    latencyMost: Math.max(0, ...outcomes.map((outcome) => outcome.latency)),
    failedFor: failed.length === 0 ? 0 : last - first,
    failures: [...kinds].map(([kind, each]) => `${kind}×${each.length}`).join(' '),
  }
}
