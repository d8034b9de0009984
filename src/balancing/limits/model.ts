// How much one client may ask. Types only.

/** So many requests a second, and so many at once after a rest. */
export interface Limit {
  /** Unique in the table: edges tell each other by it what a client has spent. */
  readonly id: string
  /** The address of a client (of IPv6 the network, /64), or the value of a header. */
  readonly by: 'source' | 'header'
  /** Of the header, in lower case. */
  readonly name?: string
  readonly perSecond: number
  readonly burst: number
  /** Proxies whose X-Forwarded-For is believed, by network. */
  readonly trust?: readonly string[]
}

/** What a client has spent at one edge since it last told: limit, key, requests. */
export type Spent = readonly [limit: string, key: string, count: number]
