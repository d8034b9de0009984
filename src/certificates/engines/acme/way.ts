// How the requests of one order go to its authority: acme-client sends those of all orders through
// one instance of axios, and cannot say that there was no answer.

import { AsyncLocalStorage } from 'node:async_hooks'
import type { Agent } from 'node:https'
import type { axios } from 'acme-client'
import { describeError, Fault, systemCode } from '../../../foundation/fault.ts'

type Requests = typeof axios
type Send = Extract<Requests['defaults']['adapter'], (...args: never[]) => unknown>

/** The way of one order. */
export interface Way {
  /** The address that people know the authority by. */
  readonly directory: string
  /** Whom it believes. */
  readonly agent: Agent
  /** Ends its requests. */
  readonly signal: AbortSignal
}

const answeredWithin = 30
const ways = new AsyncLocalStorage<Way>()

/**
 * Runs `work`, whose requests all go this way once `directRequests` has been called. A request
 * without an answer rejects with a Fault `unreachable`, an aborted one with the signal's reason.
 */
export const onWay = <T>(way: Way, work: () => Promise<T>): Promise<T> => ways.run(way, work)

/** Has these requests go the way of the work that makes them; any number of calls are one. */
export function directRequests(requests: Requests): void {
  const plain = requests.create({ adapter: 'http' })
  // What fails is tried again by our own rules, and told before that.
  const once = { retryMaxAttempts: 0, retryDefaultDelay: 1 }
  Object.assign(requests.defaults, { acmeSettings: once, adapter: sender(plain) })
}

function sender(plain: Requests): Send {
  // What is sent and what comes is turned into values once, by whoever asked.
  const asItIs = { adapter: 'http', transformRequest: [], transformResponse: [] }
  return async (config) => {
    const way = ways.getStore()
    if (way === undefined) throw new Error('broken invariant: a request without a way')
    const { agent: httpsAgent, signal } = way
    signal.throwIfAborted()
    const own = { httpsAgent, signal, timeout: answeredWithin * 1000 }
    try {
      return await plain.request({ ...config, ...asItIs, ...own })
    } catch (thrown) {
      // Any answer is thrown, whatever it says: acme-client judges it.
      if ((thrown as { response?: unknown }).response !== undefined) throw thrown
      signal.throwIfAborted()
      throw new Fault('unreachable', `${way.directory} cannot be reached: ${whyNot(thrown)}`)
    }
  }
}

function whyNot(thrown: unknown): string {
  const code = systemCode(thrown)
  if (code === 'ECONNABORTED') return `no answer within ${answeredWithin} s`
  return code ?? describeError(thrown)
}
