// How much one client may ask. Types only.

/** Whom a limit tells apart. */
export interface LimitedBy {
  /** The address of a client (of IPv6 the network, /64), or the value of a header. */
  readonly by: 'source' | 'header'
  /** Of the header, in lower case. */
  readonly name?: string
  /** Proxies whose X-Forwarded-For is believed, by network. */
  readonly trust?: readonly string[]
}

/** So many requests a second, and so many at once after a rest. */
export interface Limit extends LimitedBy {
  /** Unique in the table: edges tell each other by it what a client has spent. */
  readonly id: string
  readonly perSecond: number
  readonly burst: number
}

/** So many requests in flight; each edge counts its own. */
export interface ConcurrencyLimit extends LimitedBy {
  readonly concurrent: number
}

/** What a client has spent at one edge since it last told: limit, key, requests. */
export type Spent = readonly [limit: string, key: string, count: number]
