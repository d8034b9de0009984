// What an agent and an edge tell each other over a link, and how an edge process is run.

import type { Milliseconds } from '../../../foundation/time.ts'
import type { TrafficSignal } from '../../../health/model.ts'
import type { Spent } from '../../limits/model.ts'
import type { EdgeMeters } from '../../meters/model.ts'
import type { Bind, EdgeReport, EdgeSecrets, Table } from '../../model.ts'

/**
 * Raised when a message changes its meaning. An agent that adopts an edge of another protocol
 * replaces it (`hand-over`) instead of talking to it; unknown kinds of message are passed over.
 */
export const edgeProtocol = 1

/**
 * Flags of node for an edge. What a request allocates dies young: a young generation that begins
 * at 4 MiB, not at 1, is collected a fourth as often, and by the edge's own thread: to wake others,
 * which have next to nothing to do there, costs more. They still mark the old generation beside the
 * traffic. A young one that grew to 32 MiB would stay so large. DEP0111 is the door to the raw
 * socket handles.
 */
export const edgeNodeFlags: readonly string[] = [
  '--disable-warning=DEP0111',
  '--min-semi-space-size=4',
  '--max-semi-space-size=4',
  '--no-parallel-scavenge',
]

/**
 * Arguments after the entry file `main`: `node FLAGS main 1 /run/edge-1.sock`. A successor of a
 * running edge also gets the path of a socket at which it waits for that edge's listeners.
 */
export const edgeArguments = (
  edge: number,
  socketPath: string,
  handOverPath?: string,
): readonly string[] => [
  String(edge),
  socketPath,
  ...(handOverPath === undefined ? [] : [handOverPath]),
]

/**
 * What an agent asks. Any process of the same user may open a link; of several open ones the
 * newest is the agent, and the older ones only hear.
 */
export type AgentMessage =
  /**
   * Route by this table; one older than the edge holds is passed over. The edge answers `routing`
   * once it listens on every address of it, after a `bind-failed` for each one it cannot have.
   */
  | { readonly kind: 'table'; readonly table: Table }
  /** Keys and certificates, all of them; they come before the first table that refers to them. */
  | { readonly kind: 'secrets'; readonly secrets: EdgeSecrets }
  /** Answer with a `report` now, and with `meters`. */
  | { readonly kind: 'report' }
  /** Stop accepting, finish what is in flight for at most `within`, then exit with code 0. */
  | { readonly kind: 'stop'; readonly within: Milliseconds }
  /**
   * Give the listening sockets to the edge that waits at `to`, and as soon as it has confirmed
   * them stop as above. The edge answers `handed-over`; if the successor cannot be reached or does
   * not confirm, it answers `hand-over-failed` and goes on as if it had not been asked.
   *
   * In this order no connection is lost: start the successor with `to` as its hand-over path, send
   * it the table (it answers `routing` only after the hand-over), then send this to the old edge.
   * A successor that nobody hands anything to opens the addresses itself after
   * `handOverPatience`.
   */
  | { readonly kind: 'hand-over'; readonly to: string; readonly within: Milliseconds }
  /** What clients near their limits have spent at another edge. */
  | { readonly kind: 'spent'; readonly spent: readonly Spent[] }

/** How long a successor waits for its predecessor's listeners before it opens its own. */
export const handOverPatience = 5000 as Milliseconds

/** What an edge tells. */
export type EdgeMessage =
  /** The first message on every link. `table` is 0 before the first one. */
  | {
      readonly kind: 'hello'
      readonly edge: number
      readonly pid: number
      readonly startTicks: number
      /** The version of Always On that it was started from. */
      readonly version: string
      readonly protocol: number
      readonly table: number
    }
  /** It has taken the secrets that it was told. */
  | { readonly kind: 'entrusted' }
  /** From now on it routes by this version; addresses that failed have been told before. */
  | { readonly kind: 'routing'; readonly table: number }
  /** One address it cannot listen on; the others of the table are served. `code`: EADDRINUSE, … */
  | {
      readonly kind: 'bind-failed'
      readonly bind: Bind
      readonly code: string
      readonly message: string
    }
  /** Every 250 ms while something changes, and at once when a draining server runs empty. */
  | { readonly kind: 'report'; readonly report: EdgeReport }
  /** All that was counted since the edge started; told when asked, and before it ends. */
  | { readonly kind: 'meters'; readonly meters: EdgeMeters }
  /** What clients near their limits have spent here: the other edges have to know. */
  | { readonly kind: 'spent'; readonly spent: readonly Spent[] }
  /** Traffic met something that a probe should look at now; at most a few a second and server. */
  | { readonly kind: 'signal'; readonly signal: TrafficSignal }
  /** Something for the journal: `why` completes "because …". */
  | {
      readonly kind: 'event'
      readonly rule: string
      readonly subject: string
      readonly why: string
      readonly seen: Readonly<Record<string, unknown>>
    }
  | { readonly kind: 'handed-over'; readonly listeners: number }
  | { readonly kind: 'hand-over-failed'; readonly why: string }
